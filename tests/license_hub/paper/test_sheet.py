"""A license's face as a page: what cannot be printed is said, what looks like markup is printed as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from license_hub.errors import PaperFault
from license_hub.paper import sheet

from ..sample_hub import Clock
from ..service.copies_desk import run

AT = Clock.at


def test_missing_chinese_font_and_unprintable_characters_are_said():
    nothing_installed = sheet.Typesetter(families=("No Such Font",))
    page = sheet.Sheet("营业执照", "x", [("名称", "样例")], [], "仅供", "样例", "<svg/>", {}, "")
    with pytest.raises(PaperFault, match="apt-get install fonts-noto-cjk"):
        nothing_installed.pdf(page, AT)
    with pytest.raises(PaperFault, match="character"):
        sheet.Typesetter().pdf(replace(page, rows=[("名称", "\U000323b0")], code=SVG), AT)


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><path d="M0 0h1v1h-1Z"/></svg>'


MARKUP = '#read("/etc/passwd") *x* $1$ \\ @y <z>'


def test_t15_nothing_of_a_license_is_read_as_markup(tmp_path):
    page = sheet.Sheet("营业执照", "x", [("名称", MARKUP)], [], "仅供", "样例", SVG, {}, "")
    (tmp_path / "sheet.pdf").write_bytes(sheet.Typesetter().pdf(page, AT))
    said = run("pdftotext", "-layout", str(tmp_path / "sheet.pdf"), "-")
    assert MARKUP in " ".join(said.split()) and "root:" not in said
