"""2,913 real bad rows, tagged by what is wrong with them: for each tag, what must become of its rows.

The pack is delivered as one file (its four lead columns cut off, other widths kept). Most rows are from 江苏, so that is the delivery's
partition; rows of other provinces do not belong and are quarantined, whatever else is wrong with them.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.pulling import pull
from connectors.settings import EnvironmentCredentials
from quality.engine import check
from quality.report import BatchReport
from tests.quality.deliveries import rows_of

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
PREFIX = "enterprise_registry."
HOME = "江苏"
FORM, ELSEWHERE = "row.well_formed", "province.in_partition"
CODE, LENGTH, INNER, PROVINCE = "credit_code.check_digit", "credit_code.length", "credit_code.org_part", "credit_code.province_matches"
DAMAGE = {"name.clean_text", "scope.clean_text", "address.clean_text"}


@dataclass(frozen=True)
class Expected:
    """What every row of a tag must show."""

    rows: int
    fails: frozenset[str] = frozenset()
    """Rules each row fails."""
    fails_one_of: frozenset[str] = frozenset()
    trusted_at_home: bool = False
    """Rows of the partition are trusted (or superseded); else they are quarantined."""


def fails(rows: int, *rules: str, one_of: set[str] = frozenset(), home: bool = False) -> Expected:
    return Expected(rows, frozenset(rules), frozenset(one_of), home)


TAGS = {
    # Rows with ten or eleven cells for nine columns: nothing in them can be trusted to stand where it should.
    "shifted_mojibake": fails(464, FORM),
    # Registration numbers and organisation codes from before the credit code: wrong length, wrong check, quarantined.
    "code_old_regno15": fails(1688, CODE, LENGTH),
    "code_old_regno13": fails(212, CODE, LENGTH),
    "code_old_orgcode": fails(4, CODE, LENGTH),
    "code_other": fails(8, CODE, LENGTH),
    "code_badcheck": fails(45, CODE),
    # A lower-case x is repaired: all but one of these codes are right once it is a capital.
    "code_badchar": fails(108, home=True),
    # The organisation code inside is wrong, the whole code is right: warned.
    "org_badcheck": fails(45, INNER, home=True),
    # The code says another province than the row: warned where the row belongs to the delivery.
    "province_mismatch": fails(67, PROVINCE, home=True),
    "dup_code": fails(192, home=True),
    # Damaged text is warned and kept as it is.
    "pua": fails(74, one_of=DAMAGE, home=True),
    "question_mark": fails(11, one_of=DAMAGE, home=True),
    # Repaired, and reported so that the source can be corrected: full-width letters, NUL bytes, an ideographic space.
    "fullwidth_name": fails(7, "name.half_width", home=True),
    "ws_name": fails(1, "name.half_width", home=True),
    "nul": fails(1, home=True),
}


@dataclass(frozen=True)
class Line:
    tags: tuple[str, ...]
    cells: list[str]
    fate: str
    rules: frozenset[str] = field(default_factory=frozenset)

    @property
    def at_home(self) -> bool:
        return len(self.cells) == 9 and self.cells[6] == HOME


@dataclass(frozen=True)
class Pack:
    stopped: BatchReport
    report: BatchReport
    lines: list[Line]
    trusted: list[dict]


@pytest.fixture(scope="module")
def pack(real_data, catalog, tmp_path_factory) -> Pack:
    lake = tmp_path_factory.mktemp("lake")
    with gzip.open(real_data / "legal" / "dirt_pack.csv.gz", "rt", encoding="utf-8", newline="") as text:
        rows = list(csv.reader(text))
    delivery = lake / "dirt_pack.csv"
    with delivery.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(row[4:] for row in rows)
    engine = sa.create_engine(f"sqlite:///{lake}/hub.db")
    landed = pull(catalog.resources["enterprise_registry"], lake, credentials=EnvironmentCredentials({}), now=NOW, input=delivery)
    where = {"lake": lake, "database": engine, "now": NOW, "operator": "test"}
    stopped = check(landed, catalog, **where)
    report = check(landed, catalog, **where, accept_rejects=True)
    engine.dispose()
    trusted = rows_of(lake / "trusted" / "enterprise_registry" / report.batch / "rows.parquet")
    found = {_number(row["origin"]): ("quarantined", row["failed_rules"]) for row in rows_of(report.quarantine)}
    found |= {_number(row["_origin"]): ("trusted", row["_warnings"]) for row in trusted}
    lines = []
    for number, row in enumerate(rows[1:], start=2):
        fate, rules = found.get(number, ("superseded", []))
        lines.append(Line(tuple(row[3].split(";")), row[4:], fate, frozenset(rule.removeprefix(PREFIX) for rule in rules)))
    return Pack(stopped, report, lines, trusted)


def _number(origin: str) -> int:
    return int(origin.rpartition(":")[2])


def test_pack_is_stopped_by_the_gate_with_its_whole_quarantine(pack):
    assert (pack.stopped.gate, pack.stopped.published, pack.stopped.read) == ("stopped", False, 2913)
    assert Path(pack.stopped.quarantine).is_file() and pack.stopped.quarantined == 2829


def test_pack_with_accepted_rejects_accounts_for_every_row(pack):
    report = pack.report
    assert (report.gate, report.published, report.partition) == ("accepted", True, "32")
    assert (report.read, report.trusted, report.quarantined, report.superseded) == (2913, 44, 2829, 40)
    fates = [line.fate for line in pack.lines]
    assert [fates.count(one) for one in ("trusted", "quarantined", "superseded")] == [44, 2829, 40]


def test_every_tag_of_the_pack_is_expected(pack):
    assert {tag for line in pack.lines for tag in line.tags} == set(TAGS)


@pytest.mark.parametrize("tag", TAGS)
def test_rows_of_a_tag_meet_their_fate(pack, tag):
    expected = TAGS[tag]
    lines = [line for line in pack.lines if tag in line.tags]
    assert len(lines) == expected.rows
    judged = [line for line in lines if line.fate != "superseded"]
    assert [line for line in judged if not expected.fails <= line.rules] == []
    assert not expected.fails_one_of or [line for line in judged if not expected.fails_one_of & line.rules] == []
    for line in lines:
        if line.at_home and expected.trusted_at_home:
            assert line.fate in ("trusted", "superseded")
        else:
            assert line.fate == "quarantined"


def test_malformed_rows_fail_by_their_form_alone_and_others_of_another_province_say_so(pack):
    for line in pack.lines:
        if len(line.cells) != 9:
            assert line.rules == {FORM}
        else:
            assert (ELSEWHERE in line.rules) == (line.cells[6] != HOME)


def test_lower_case_codes_are_right_once_they_are_capitals(pack):
    lines = [line for line in pack.lines if "code_badchar" in line.tags]
    assert sum(CODE not in line.rules for line in lines) == 107


def test_duplicates_at_home_keep_one_row_a_code(pack):
    at_home = [line for line in pack.lines if "dup_code" in line.tags and line.at_home]
    kept = [line for line in at_home if line.fate == "trusted"]
    assert len(kept) == len({line.cells[1].upper() for line in at_home}) and len(at_home) == len(kept) + 40


def test_name_behind_nul_bytes_is_quarantined_with_its_source_text(pack):
    (line,) = (line for line in pack.lines if "nul" in line.tags)
    (row,) = (row for row in rows_of(pack.report.quarantine) if row["key"] == line.cells[1])
    assert line.cells[0].strip("\x00") in row["values"] and "name.clean_text" not in line.rules


def test_trusted_rows_are_clean(pack):
    for row in pack.trusted:
        assert row["province"] == "32" and row["credit_code"] == row["credit_code"].upper() and row["name"] == row["name"].strip()
