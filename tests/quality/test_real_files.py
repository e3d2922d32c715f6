"""The three provinces of the real enterprise registry through landing, cleaning, checking and publishing: exact counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from connectors.pulling import pull
from connectors.settings import EnvironmentCredentials
from quality.engine import check
from quality.report import BatchReport
from tests.quality.deliveries import rows_of

RULE = "enterprise_registry."
CREDIT, INNER, CONFLICT = RULE + "credit_code.check_digit", RULE + "credit_code.org_part", RULE + "key.conflicting_duplicate"
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Province:
    partition: str
    read: int
    wrong_code: int
    wrong_inside: int
    superseded: int
    conflicts: int
    unparsed_capital: int


PROVINCES = {
    "guangxi": Province("45", 25_393, 4, 6, 0, 0, 1),
    "ningxia": Province("64", 4_920, 0, 1, 0, 0, 0),
    "sichuan": Province("51", 57_340, 31, 0, 15, 1, 0),
}


@dataclass(frozen=True)
class Run:
    report: BatchReport
    rows: Path


@pytest.fixture(scope="module")
def runs(real_data, catalog, tmp_path_factory) -> dict[str, Run]:
    lake = tmp_path_factory.mktemp("lake")
    engine = sa.create_engine(f"sqlite:///{lake}/hub.db")
    resource = catalog.resources["enterprise_registry"]
    made = {}
    for name in PROVINCES:
        file = real_data / "legal" / f"enterprises_{name}.csv.gz"
        landed = pull(resource, lake, credentials=EnvironmentCredentials({}), now=NOW, input=file)
        report = check(landed, catalog, lake=lake, database=engine, now=NOW, operator="test")
        made[name] = Run(report, lake / "trusted" / resource.id / report.batch / "rows.parquet")
    engine.dispose()
    return made


@pytest.mark.parametrize("name", PROVINCES)
def test_every_row_is_accounted_for(runs, name):
    report, expected = runs[name].report, PROVINCES[name]
    assert (report.partition, report.read, report.gate, report.published) == (expected.partition, expected.read, "pass", True)
    assert (report.quarantined, report.superseded, report.deleted) == (expected.wrong_code, expected.superseded, 0)
    assert report.trusted == expected.read - expected.wrong_code - expected.superseded


@pytest.mark.parametrize("name", PROVINCES)
def test_rows_are_quarantined_for_a_wrong_credit_code_and_for_nothing_else(runs, name):
    report = runs[name].report
    rejects = {rule: one["failed"] for rule, one in report.rules.items() if one["severity"] == "reject" and one["failed"]}
    assert rejects == ({CREDIT: PROVINCES[name].wrong_code} if PROVINCES[name].wrong_code else {})
    assert all(CREDIT in row["failed_rules"] for row in rows_of(report.quarantine))


@pytest.mark.parametrize("name", PROVINCES)
def test_wrong_inner_check_and_renames_are_warned(runs, name):
    rules = runs[name].report.rules
    assert rules[INNER] == {"severity": "warn", "failed": PROVINCES[name].wrong_inside}
    assert rules[CONFLICT] == {"severity": "warn", "failed": PROVINCES[name].conflicts}


@pytest.mark.parametrize("name", PROVINCES)
def test_capital_is_parsed_wherever_it_is_given_with_a_unit(runs, name):
    assert runs[name].report.rules[RULE + "capital.parsed"]["failed"] == PROVINCES[name].unparsed_capital


@pytest.mark.parametrize("name", PROVINCES)
def test_unknown_and_retired_divisions_are_warned_only(runs, name):
    rules = runs[name].report.rules
    assert {rules[RULE + "credit_code." + one]["severity"] for one in ("division_known", "division_current")} == {"warn"}
    assert rules[RULE + "credit_code.division_current"]["failed"] >= rules[RULE + "credit_code.division_known"]["failed"] > 0


def test_capital_of_all_provinces_has_the_currencies_that_occur(runs):
    found = duckdb.sql("SELECT capital_currency, count(*), min(capital) FROM read_parquet($files) GROUP BY ALL",
                       params={"files": [str(run.rows) for run in runs.values()]}).fetchall()  # fmt: skip
    counts = {currency: rows for currency, rows, _ in found}
    assert set(counts) == {None, "CNY", "USD", "HKD", "JPY", "EUR", "GBP", "DEM"}
    assert all(least is None or least >= 0 for *_, least in found)
    assert counts["CNY"] > 0.65 * sum(counts.values())


def test_codes_are_upper_case_and_names_have_one_kind_of_brackets(runs):
    ((lower, half, padded),) = duckdb.sql(
        """SELECT count(*) FILTER (WHERE credit_code <> upper(credit_code)), count(*) FILTER (WHERE regexp_matches(name, '[()]')),
                  count(*) FILTER (WHERE name <> trim(name)) FROM read_parquet($files)""",
        params={"files": [str(run.rows) for run in runs.values()]},
    ).fetchall()
    assert (lower, half, padded) == (0, 0, 0)


def test_source_text_stands_beside_every_changed_value(runs):
    ((wrong,),) = duckdb.sql(
        """SELECT count(*) FROM read_parquet($files) WHERE name__src = name OR credit_code__src = credit_code
           OR registered_on__src = registered_on::VARCHAR OR address__src = address""",
        params={"files": [str(run.rows) for run in runs.values()]},
    ).fetchall()
    assert wrong == 0
