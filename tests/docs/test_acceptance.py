"""docs/acceptance.md maps every line of every issue to proof; here every test id it names must exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in TEXT.splitlines() if re.match(r"\| \d", line)]
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
COMMAND = re.compile(r"`(?!tests/)[^`]+`")


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_acceptance_row_names_a_test_or_a_command(row):
    assert len(row) == 3, row
    assert TEST_ID.search(row[2]) or COMMAND.search(row[2]) or row[2].startswith("open:")


def test_acceptance_ids_exist():
    missing = []
    for file, test in TEST_ID.findall(TEXT):
        path = ROOT / file
        if not path.is_file() or (test and test not in functions_of(path)):
            missing.append(f"{file}::{test}")
    assert not missing


def test_acceptance_covers_every_section_of_issue_2():
    assert {row[0].split(".")[0] for row in ROWS} >= {str(section) for section in range(1, 10)}
