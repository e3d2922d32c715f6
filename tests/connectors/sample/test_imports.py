"""The truth must not lean on the code it tests: the generator imports nothing of quality/ or license_hub/ (decision 11)."""

from __future__ import annotations

import ast
from pathlib import Path

import connectors.sample

FORBIDDEN = {"quality", "license_hub", "dags", "airflow", "duckdb", "great_expectations"}
ALLOWED_OF_CONNECTORS = "connectors.sample"


def imported(path: Path) -> set[str]:
    """Absolute names a module imports; relative ones are resolved against connectors.sample."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ["connectors", "sample"][: 3 - node.level] if node.level else []
            found.add(".".join([*base, *([node.module] if node.module else [])]))
    return found


def test_generator_imports_nothing_it_is_used_to_test():
    modules = sorted(Path(connectors.sample.__file__).parent.glob("*.py"))
    assert len(modules) > 10
    for path in modules:
        for name in imported(path):
            assert name.split(".")[0] not in FORBIDDEN, f"{path.name} imports {name}"
            assert not name.startswith("connectors") or name.startswith(ALLOWED_OF_CONNECTORS), f"{path.name} imports {name}"
            assert not name.startswith("catalogs.checkdigits"), f"{path.name} imports {name}"
