"""The layers of docs/architecture.md, read from the source: who may import whom, who reads the clock and the environment."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("catalogs", "connectors", "quality", "license_hub", "dags")
COMPOSITION_ROOTS = (
    "license_hub/cli.py",
    "license_hub/app.py",
    "license_hub/commands/",
    "dags/",
    "catalogs/__main__.py",
    "connectors/sample/",
)
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    return name(path)[:-3].replace("/", ".").removesuffix(".__init__")


def is_root(path: Path) -> bool:
    return name(path).startswith(COMPOSITION_ROOTS)


def imports(path: Path) -> set[str]:
    """Absolute names of the modules a file imports, function bodies included."""
    found: set[str] = set()
    package = module(path) if path.name == "__init__.py" else module(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join(parts[: len(parts) - node.level + 1] + ([base] if base else []))
            found |= {f"{base}.{alias.name}" for alias in node.names} | {base}
    return found


def reaches(path: Path, *prefixes: str) -> set[str]:
    found = {one for one in imports(path) if any(one == p or one.startswith(p + ".") for p in prefixes)}
    return {one for one in found if not f"{one}.".startswith(tuple(f"{shared}." for shared in SHARED))}


FORBIDDEN = {
    "catalogs/": ("connectors", "quality", "license_hub", "dags"),
    "connectors/": ("quality", "license_hub", "dags"),
    "quality/": ("license_hub", "dags"),
    "license_hub/domain/": ("license_hub.signing", "license_hub.log", "license_hub.storage", "license_hub.service", "license_hub.api",
                            "license_hub.web", "quality", "connectors", "sqlalchemy"),
    "license_hub/signing/": ("license_hub.storage", "license_hub.service", "license_hub.api", "license_hub.web", "sqlalchemy"),
    "license_hub/log/": ("license_hub.storage", "license_hub.service", "license_hub.api", "license_hub.web", "sqlalchemy"),
    "license_hub/witness/": ("license_hub.storage", "license_hub.service", "license_hub.api", "license_hub.web", "sqlalchemy", "catalogs"),
    "license_hub/client/": ("license_hub.storage", "license_hub.service", "license_hub.api", "license_hub.web", "sqlalchemy", "catalogs"),
    "license_hub/paper/": ("license_hub.storage", "license_hub.service", "license_hub.api", "license_hub.web", "sqlalchemy"),
    "license_hub/storage/": ("license_hub.service", "license_hub.api", "license_hub.web"),
    "license_hub/service/": ("license_hub.api", "license_hub.web", "connectors", "fastapi"),
}  # fmt: skip
SHARED = ("connectors.lake", "connectors.sealed")
"""How a file of the lake is read and written: the one thing every package that touches the lake has in common."""


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_layer_imports_point_only_downwards(folder):
    stray = {name(path): sorted(reaches(path, *FORBIDDEN[folder])) for path in FILES
             if name(path).startswith(folder) and not is_root(path) and reaches(path, *FORBIDDEN[folder])}  # fmt: skip
    assert not stray


def test_airflow_is_imported_by_dags_alone():
    assert not [name(path) for path in FILES if not name(path).startswith("dags/") and reaches(path, "airflow")]


def test_great_expectations_is_touched_by_gx_alone():
    touching = {name(path) for path in FILES if reaches(path, "great_expectations")}
    assert touching and all(one.startswith("quality/gx") for one in touching)


def test_license_hub_outside_its_roots_uses_only_public_modules_of_quality():
    public = {"quality", "quality.corrected", "quality.corrections", "quality.provisional", "quality.publications", "quality.pushes",
              "quality.erase", "quality.erase.erase_rows", "quality.erase.rows_left",
              "quality.errors", "quality.errors.CorrectionRefused",
              "quality.store.upgrade", "quality.store.upgrade.upgrade"}  # fmt: skip
    whole = ("quality.publications.", "quality.pushes.", "quality.corrected.", "quality.provisional.", "quality.corrections.")
    stray = {name(path): sorted(reaches(path, "quality", "connectors") - public) for path in FILES
             if name(path).startswith("license_hub/") and not is_root(path)}  # fmt: skip
    assert not {path: names for path, names in stray.items()
                if any(not (one in public or one.startswith(whole)) for one in names)}  # fmt: skip


def test_environment_is_read_by_settings_alone():
    reading = [name(path) for path in FILES
               if re.search(r"\bos\.(environ|getenv)\b", path.read_text(encoding="utf-8")) and path.name != "settings.py"]  # fmt: skip
    assert not [one for one in reading if not one.startswith("dags/")]


CLOCKS = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time)\(")


def test_clock_is_read_by_composition_roots_alone():
    assert not [name(path) for path in FILES if CLOCKS.search(path.read_text(encoding="utf-8")) and not is_root(path)]


SQL_WORDS = re.compile(r"\b(SELECT\s|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|VIEW|OR)|COPY\s)", re.IGNORECASE)


def sql_f_strings(path: Path) -> list[int]:
    """Lines of f-strings, `%` and `+` expressions whose literal part looks like SQL."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant) and isinstance(part.value, str))
            if SQL_WORDS.search(text) and any(isinstance(part, ast.FormattedValue) for part in node.values):
                lines.append(node.lineno)
    return lines


def test_t17_sql_is_never_built_by_f_strings():
    assert not {name(path): sql_f_strings(path) for path in FILES if sql_f_strings(path)}


LONGEST_FILE, LONGEST_FUNCTION = 320, 60


def test_files_stay_readable():
    assert not {name(path): count for path in FILES if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE}


def test_functions_fit_a_screen():
    long = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION:
                long[f"{name(path)}::{node.name}"] = node.end_lineno - node.lineno + 1
    assert not long


def test_dag_files_stay_wiring():
    dag_files = [path for path in (ROOT / "dags").glob("[0-9]*.py")]
    assert dag_files
    assert not {name(path) for path in dag_files if len(path.read_text(encoding="utf-8").splitlines()) > 80}


def test_tree_has_no_drawer_modules():
    assert not [name(path) for path in FILES if path.stem in {"utils", "helpers", "manager", "misc", "common"}]
