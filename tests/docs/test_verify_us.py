"""docs/verify-us.md is a specification: its code blocks run against the golden files, with nothing of ours imported."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "verify-us.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
ALLOWED = {"argparse", "base64", "cryptography", "datetime", "hashlib", "json", "pathlib", "sys", "urllib", "zlib"}


def imported(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_every_code_block_runs_and_its_assertions_hold(monkeypatch):
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for number, block in enumerate(BLOCKS):
        exec(compile(block, f"verify-us.md block {number}", "exec"), names)
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_code_block_asserts_something(number):
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(BLOCKS[number])))


def test_blocks_and_the_outsider_import_nothing_of_ours():
    outsider = (ROOT / "tests" / "conformance" / "outsider.py").read_text(encoding="utf-8")
    assert imported("\n".join(BLOCKS)) <= ALLOWED
    assert imported(outsider) <= ALLOWED | {"sm2"}
    assert imported((ROOT / "tests" / "conformance" / "sm2.py").read_text(encoding="utf-8")) == set()


def test_what_the_page_shows_of_the_command_line_is_what_it_offers():
    source = (ROOT / "tests" / "conformance" / "outsider.py").read_text(encoding="utf-8")
    acts = set(re.findall(r"--state \S+ (\w+)", PAGE))
    assert acts and all(f'"{one}"' in source for one in acts)
    assert os.access(ROOT / "tests" / "conformance" / "outsider.py", os.R_OK)
