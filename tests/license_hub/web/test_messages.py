"""locales/hub.pot holds every text of the pages and no other, and no template has a text outside a translation mark."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("license_hub/web", "quality/board")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TEMPLATES = sorted(path for folder in FOLDERS for path in (ROOT / folder / "templates").glob("*.html"))


def test_texts_of_the_pages_are_those_of_the_catalogue_for_translators():
    mapping = [(one["pattern"], one["method"]) for one in tomllib.loads((ROOT / "babel.toml").read_text("utf-8"))["mappings"]]
    marks = {"_": None, "gettext": None, "ngettext": (1, 2), "msgid": None}
    found = {message for folder in FOLDERS for _, _, message, _, _ in extract_from_dir(ROOT / folder, mapping, keywords=marks)}
    with (ROOT / "locales" / "hub.pot").open("rb") as file:
        kept = {one.id for one in read_po(file) if one.id}
    missing, extra = found - kept, kept - found
    assert not missing and not extra, "run `make messages`"
    assert any(CHINESE.search(str(one)) for one in kept)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_text_outside_a_translation_mark(path):
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(path.read_text("utf-8"))
    assert not [text.data.strip() for text in tree.find_all(nodes.TemplateData) if CHINESE.search(re.sub(r"<!--.*?-->", "", text.data))]
