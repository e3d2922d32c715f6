"""The README is a tested product: its commands exist, its paths exist, its quick blocks run and print what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docker" / "README.md"]
README = PAGES[0].read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_readme_opens_with_one_sentence_the_drawing_and_two_commands():
    head = README.split("## ", 2)
    assert "departments ──►" in head[0] + head[1]
    assert "make demo" in README and "make test" in README


def test_make_targets_named_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", README)) <= targets


@pytest.mark.parametrize("block", blocks(README, "console"), ids=lambda block: block.splitlines()[0][:60])
def test_readme_console_block_prints_what_it_shows(block, tmp_path):
    """`$ command` lines are run; every following line must occur in the output (`…` stands for anything)."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        environment = {"PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin", "HUB_LAKE": str(tmp_path / "lake"),
                       "HUB_KEYS": str(tmp_path / "keys"),
                       "LANG": "C.UTF-8", "COLUMNS": "120"}  # fmt: skip
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, env=environment)
        output = run.stdout + run.stderr
        for line in filter(None, map(str.strip, shown.splitlines())):
            pattern = ".*".join(re.escape(piece) for piece in line.split("…"))
            assert re.search(pattern, output), f"{command!r} did not print {line!r} but:\n{output}"


def test_readme_table_of_ten_lines_is_a_resource_that_runs(tmp_path):
    """The YAML block, dropped into a copy of the catalogue, is without fault and takes a file from landing to publication."""
    import shutil
    from datetime import UTC, datetime

    import sqlalchemy as sa

    from catalogs.load import load
    from connectors import pull
    from connectors.settings import EnvironmentCredentials
    from quality.engine import check

    (block,) = blocks(README, "yaml")
    assert len(block.splitlines()) == 10
    root = shutil.copytree(ROOT / "catalogs", tmp_path / "catalogs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (root / "resources" / "fire_check.yaml").write_text(block, encoding="utf-8")
    catalog = load(root)
    drop = tmp_path / "fire_check.csv"
    drop.write_text("检查编号,场所名称,统一社会信用代码,检查日期\nXF1,样例影院,,2026年1月2日\nXF2,样例商场,,2026/3/4\n", encoding="utf-8")
    now = datetime(2026, 11, 21, tzinfo=UTC)
    landed = pull(catalog.resources["fire_check"], tmp_path / "lake", credentials=EnvironmentCredentials({}), now=now, input=drop)
    database = sa.create_engine(f"sqlite:///{tmp_path}/hub.db")
    report = check(landed, catalog, lake=tmp_path / "lake", database=database, now=now, operator="test")
    database.dispose()
    assert (report.read, report.trusted, report.published) == (2, 2, True)
