"""docs/great-expectations.md: its code, run as it stands on a dirty delivery, fails exactly the rows the engine failed, rule by rule."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from catalogs.model import ROW_CHECKS
from connectors.lake import Lake
from connectors.landing import latest
from connectors.pulling import pull
from connectors.settings import EnvironmentCredentials
from license_hub.cli import app
from quality import gx, publications
from quality.engine import check
from quality.gx_frame import LEFT_OUT
from tests.quality.deliveries import NOW
from tests.support import bad_rows

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "great-expectations.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops timezone")


def engine_verdicts(lake: Lake, report, database: sa.Engine) -> dict[str, frozenset[str]]:
    """Origin → rules the row failed, of rows that were not malformed."""
    with database.connect() as connection:
        (head,) = publications.rows_paths(connection, lake, "population")
    found = {}
    for path, names in ((lake / report.quarantine, ("origin", "failed_rules")), (head, ("_origin", "_warnings"))):
        with lake.open(path) as file:
            table = pq.read_table(file, columns=list(names))
        found |= {origin: frozenset(rules) for origin, rules in zip(*(table[name].to_pylist() for name in names), strict=True)}
    return {origin: rules for origin, rules in found.items() if "population.row.well_formed" not in rules}


def test_code_of_the_page_gives_the_engines_verdicts(library, catalog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_LAKE_ENCRYPTION", "off")
    lake, database = Lake(tmp_path / "lake"), sa.create_engine(f"sqlite:///{tmp_path}/quality.db")
    bad_rows.deliver(tmp_path / "population.csv", tmp_path / "truth.csv", 1_000, 300, 200)
    population = catalog.resources["population"]
    landed = pull(population, lake, credentials=EnvironmentCredentials({}), now=NOW, input=tmp_path / "population.csv")
    report = check(landed, catalog, lake=lake, database=database, now=NOW, operator="test", accept_rejects=True)
    expected = engine_verdicts(lake, report, database)
    gx.write_suite(lake / "gx", population, catalog.rules["population"], catalog)
    drawn = CliRunner().invoke(
        app, ["gx", "sample", landed.batch, "--output", "rows.parquet", "--rows", "2000", "--lake", str(lake), "--json"]
    )
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / "rows.parquet").stat().st_mode & 0o777 == 0o600
    assert sorted(pq.read_table("rows.parquet")["_origin"].to_pylist()) == sorted(expected)
    told = {"lake": lake, "resource": "population", "as_of": datetime.fromisoformat(landed.manifest.as_of), "partition": None}
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(code, told)
    results = {one.expectation_config.meta["rule"]: one for one in told["run"].results}
    for rule in catalog.rules["population"]:
        if rule.check in ROW_CHECKS:
            theirs = {row["_origin"] for row in results[rule.id].result.get("unexpected_index_list") or ()}
            assert theirs == {origin for origin, rules in expected.items() if rule.id in rules}, rule.id
    assert sum(bool(rules) for rules in expected.values()) > 480
    assert latest(lake, "population").batch == landed.batch
    database.dispose()


def test_page_lists_every_check_left_out_with_its_reason():
    rows = dict(re.findall(r"^\| ([a-z_]+) \| (.+?) \|$", TEXT.split("| check | why |")[1], re.MULTILINE))
    assert rows == dict(LEFT_OUT)
