"""docs/configuration.md lists every setting, exit code and message code there is, and none that is not."""

from __future__ import annotations

import re
from pathlib import Path

from license_hub.commands import faults
from license_hub.settings import ROWS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| `?([A-Z0-9_]+)`? \|", section(title), flags=re.MULTILINE)


def test_settings_are_listed_with_default_and_meaning():
    lines = section("Settings").splitlines()
    for row in ROWS:
        [line] = [line for line in lines if line.startswith(f"| `{row.env}` |")]
        assert row.help in line and (not row.default or f"`{row.default}`" in line)
    others = {"HUB_CONN_FILE", "HUB_TEST_DATABASE_URL"}
    assert set(first_cells("Settings")) == {row.env for row in ROWS} | others


def test_exit_codes_are_listed():
    declared = {0} | {value for name, value in vars(faults).items() if name.isupper() and isinstance(value, int)}
    assert {int(code) for code in first_cells("Exit codes of `hub`")} == declared


def test_message_codes_are_listed(catalog):
    assert first_cells("Verdict and problem codes") == list(catalog.messages)
