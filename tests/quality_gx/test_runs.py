"""From a checked batch to the Great Expectations store: every rule the engine ran, its counts, and nothing of any row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

import connectors
from connectors.settings import EnvironmentCredentials
from quality import engine, gx, gx_runs
from quality.gx_frame import counts
from quality.store import tables

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
CANARY = ("999999189912310045", "鹮鹮乇", "样例省不存在的街道九千九百九十九号")


@pytest.fixture
def database(tmp_path):
    made = sa.create_engine(f"sqlite:///{tmp_path}/quality.db")
    yield made
    made.dispose()


def check(catalog, lake: Path, database: sa.Engine) -> str:
    """Three persons, one of them with a wrong sex and no address; returns the batch."""
    population = catalog.resources["population"]
    persons = [
        dict(id_number=CANARY[0], name=CANARY[1], sex="2", birth_date="1899-12-31", address=CANARY[2]),
        dict(id_number="999999180012310057", name="样例甲", sex="1", birth_date="1800-12-31", address="样例路 1 号"),
        dict(id_number="999999177607040079", name="样例乙", sex="2", birth_date="1776-07-04"),
    ]
    given = dict(
        household_division="990101", life_status="1", registrar_code="11100000000013338W", updated_at="2026-11-20 01:00:00", operation="U"
    )
    header = ",".join(field.source for field in population.fields)
    lines = [",".join({**given, **person}.get(field.name, "") for field in population.fields) for person in persons]
    delivery = lake.parent / "population.csv"
    delivery.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    landed = connectors.pull(population, lake, credentials=EnvironmentCredentials({}), now=NOW, input=delivery)
    return engine.check(landed, catalog, lake=lake, database=database, now=NOW, operator="tester", accept_rejects=True).batch


@pytest.mark.parametrize("left_out", [(), ("population.row.well_formed",)], ids=["shipped rules", "one rule added by the engine"])
def test_checked_batch_is_stored_with_the_counts_of_its_outcomes(library, catalog, tmp_path, database, left_out):
    rules = {"population": tuple(rule for rule in catalog.rules["population"] if rule.id not in left_out)}
    catalog = replace(catalog, rules={**catalog.rules, **rules})
    batch = check(catalog, tmp_path / "lake", database)
    assert gx_runs.store_new(database, tmp_path / "lake", catalog, "population") == [batch]
    with database.connect() as connection:
        outcomes = {one.rule: one for one in connection.execute(sa.select(tables.outcome).where(tables.outcome.c.batch == batch))}
        checked_at = connection.scalar(sa.select(tables.batch.c.checked_at).where(tables.batch.c.batch == batch))
    run = gx.read_run(tmp_path / "lake" / gx_runs.FOLDER, "population", batch, checked_at)
    results = {one.expectation_config.meta["rule"]: one for one in run.results}
    assert set(results) == set(outcomes) and len(outcomes) == len(catalog.rules["population"]) + len(left_out)
    for rule, outcome in outcomes.items():
        if outcome.errored or outcome.skipped:
            assert results[rule].exception_info["raised_exception"]
        else:
            assert (counts(results[rule]).evaluated, counts(results[rule]).failed) == (outcome.evaluated, outcome.failed)
    assert outcomes["population.sex.matches_id"].failed == 1 and outcomes["population.address.not_null"].failed == 1


def test_stored_batch_is_not_stored_again(library, catalog, tmp_path, database):
    check(catalog, tmp_path / "lake", database)
    assert gx_runs.store_new(database, tmp_path / "lake", catalog, "population")
    assert gx_runs.store_new(database, tmp_path / "lake", catalog, "population") == []


def test_t30_stored_run_holds_nothing_of_a_person(library, catalog, tmp_path, database):
    check(catalog, tmp_path / "lake", database)
    gx_runs.store_new(database, tmp_path / "lake", catalog, "population")
    stored = [path for path in (tmp_path / "lake" / gx_runs.FOLDER).rglob("*") if path.is_file()]
    assert {".json", ".html"} <= {path.suffix for path in stored if b"population.address.not_null" in path.read_bytes()}
    seen = {
        word
        for path in stored
        for word in CANARY
        for coding in ("utf-8", "utf-16-le", "gb18030")
        if word.encode(coding) in path.read_bytes()
    }
    seen |= {word for path in stored for word in CANARY if word.encode("unicode-escape") in path.read_bytes()}
    assert not seen
