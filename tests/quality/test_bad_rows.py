"""Story: so many rows, so many of them bad in overlapping ways: exactly those are quarantined, with exactly the truth file's rule ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from catalogs.load import load
from connectors.lake import Lake
from connectors.pulling import pull
from connectors.settings import EnvironmentCredentials
from quality import publications
from quality.engine import check
from tests.quality.deliveries import NOW
from tests.support import bad_rows

Found = dict[int, tuple[str, frozenset[str]]]
"""Line of the delivery → its fate and the rules it fails."""


def truth(path: Path) -> Found:
    lines = (line.split(",") for line in path.read_text(encoding="utf-8").splitlines())
    return {int(at): (fate, frozenset(rules.split(";"))) for at, fate, rules in lines}


def rows_of(lake: Lake, path: Path, *columns: str) -> Iterator[tuple]:
    with lake.open(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(columns=list(columns)):
            yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def line(origin: str) -> int:
    return int(origin.rpartition(":")[2])


@pytest.mark.parametrize(
    ("rows", "bad"), [(50_000, 6_000), pytest.param(1_000_000, 120_000, marks=pytest.mark.nightly)], ids=["50,000", "1,000,000"]
)
def test_exactly_the_bad_rows_are_quarantined_with_exactly_their_rules(tmp_path, rows, bad):
    lake, warned = Lake(tmp_path / "lake"), rows // 20
    bad_rows.deliver(tmp_path / "population.csv", tmp_path / "truth.csv", rows, bad, warned)
    expected = truth(tmp_path / "truth.csv")
    assert len(expected) == bad + warned and sum(fate == "quarantined" for fate, _ in expected.values()) == bad
    assert sum(len(rules) > 1 for _, rules in expected.values()) > bad / 2, "defects overlap"
    catalog, database = load(), sa.create_engine(f"sqlite:///{tmp_path}/quality.db")
    resource = catalog.resources["population"]
    landed = pull(resource, lake, credentials=EnvironmentCredentials({}), now=NOW, input=tmp_path / "population.csv")
    report = check(landed, catalog, lake=lake, database=database, now=NOW, operator="test", accept_rejects=True)
    assert (report.read, report.quarantined, report.trusted) == (rows, bad, rows - bad) and report.published
    found: Found = {}
    for origin, rules in rows_of(lake, lake / report.quarantine, "origin", "failed_rules"):
        assert line(origin) not in found
        found[line(origin)] = ("quarantined", frozenset(rules))
    with database.connect() as connection:
        (head,) = publications.rows_paths(connection, lake, "population")
    for origin, rules in rows_of(lake, head, "_origin", "_warnings"):
        assert line(origin) not in found
        if rules:
            found[line(origin)] = ("trusted", frozenset(rules))
    wrong = {
        at: (expected.get(at), found.get(at))
        for at in expected.keys() ^ found.keys() | {at for at in expected if expected[at] != found.get(at)}
    }
    assert not wrong, f"{len(wrong)} rows differ, such as {sorted(wrong.items())[:5]}"
    counted = {
        rule: sum(rule in rules for _, rules in expected.values()) for rule in set().union(*(rules for _, rules in expected.values()))
    }
    assert {rule: one["failed"] for rule, one in report.rules.items() if one["failed"]} == counted
    database.dispose()
