"""The dry run: what the engine would say of the stored batch, before and after, and nothing written."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from catalogs.changes import Edit
from catalogs.model import Field, Limits
from catalogs.quality import Responsible
from quality import changes, scores, trial
from quality.changes import Act
from quality.errors import ChangeRefused
from quality.responsible import Body
from quality.store.tables import metadata
from tests.quality.deliveries import FIELDS, NOW, rule

NAME = "thing.name.not_null"
LOOSE = Limits(max_rejects=0.4, volume_band=9.0)
MINE = (*FIELDS, Field("organ", "机关代码", "机关代码", "uscc"), Field("note", "备注", "备注", "text"))
HEADERS = tuple(one.source for one in MINE)
RULES = (
    replace(rule("not_null", "code"), indicator="0201"),
    replace(rule("not_null", "name"), indicator="0201"),
    replace(rule("length", "note", severity="warn", min=2, max=4), indicator="0302"),
    replace(rule("parsed", "changed_on", severity="warn"), indicator="0302"),
)
LENGTH = "thing.note.length"


@pytest.fixture
def organs(catalog) -> tuple[str, str]:
    return tuple(catalog.organs[one][0] for one in ("9990101", "9990102"))


@pytest.fixture
def one(bench, catalog):
    made = bench(rules=RULES, limits=LOOSE, fields=MINE, responsible=Responsible(organ="organ"))
    made.catalog = replace(made.catalog, divisions=catalog.divisions)
    return made


def delivered(one, organs):
    """Two bodies; one row without a name, notes of 3, 1, 6, 1 characters and none."""
    north, south = organs
    return one.deliver(
        ("A1", "甲", "2026-01-01", north, "一二三"), ("A2", None, None, north, "一"), ("A3", "丙", "不详", south, "一二三四五六"),
        ("A4", "丁", None, south, "一"), ("A5", "戊", None, south, None), columns=HEADERS,
    )  # fmt: skip


def tried(one, *edits, batch=None) -> trial.Trial:
    return trial.try_out(one.catalog, "thing", edits, lake=one.lake, database=one.database, batch=batch)


def test_dry_run_tells_rules_and_bodies_by_counts(one, organs):
    report = delivered(one, organs)
    north, south = (Body(code, code[2:8]) for code in organs)
    found = tried(one, Edit("rule", NAME, "severity", "warn"), Edit("rule", LENGTH, "min", 1), Edit("rule", LENGTH, "severity", "reject"))
    assert (found.batch, found.before.tally.quarantined, found.after.tally.quarantined) == (report.batch, 1, 1)
    assert found.rules == [NAME, LENGTH]
    assert found.rows(LENGTH) == [(north, 1, 0), (south, 2, 1)] and found.rows(NAME) == [(north, 1, 1)]
    assert [(found.before.quarantined.get(body, 0), found.after.quarantined.get(body, 0)) for body in (north, south)] == [(1, 0), (0, 1)]
    assert found.bodies == [north, south] and found.after.score(south) > found.before.score(south)


def test_dry_run_before_is_what_the_batch_was_found_to_be(one, organs):
    one.deliver(*((f"A{at}", "旧", None, organs[0], None) for at in range(1, 5)), columns=HEADERS)
    report = delivered(one, organs)
    before = tried(one, Edit("rule", LENGTH, "max", 9)).before
    assert (before.tally.quarantined, before.tally.warned, before.tally.trusted) == (report.quarantined, report.warned, report.trusted)
    assert {name: one_.failed for name, one_ in before.outcomes.items()} == {name: line["failed"] for name, line in report.rules.items()}
    with one.database.connect() as connection:
        (stored,) = scores.of_batches(connection, one.catalog, [report.batch])
    assert before.measures == stored.by_body and before.score() == pytest.approx(stored.score())


def test_dry_run_after_is_what_the_engine_says_once_it_is_approved(one, organs):
    delivered(one, organs)
    edits = (Edit("rule", NAME, "severity", "warn"), Edit("rule", LENGTH, "severity", "reject"), Edit("weight", "0302", "", 30))
    after = tried(one, *edits).after
    with one.database.begin() as connection:
        number = changes.propose(connection, one.catalog, "thing", edits, author="first", reason="r", now=NOW)
        changes.decide(connection, one.catalog, number, Act.APPROVE, actor="second", reason="r", now=NOW)
    report = one.check(one.land(*_again(organs), columns=HEADERS), accept_rejects=True)
    with one.database.connect() as connection:
        (stored,) = scores.of_batches(connection, one.catalog, [report.batch])
    assert (after.tally.quarantined, after.tally.trusted) == (report.quarantined, report.trusted)
    own = {code for code, one_ in one.catalog.indicators.items() if one_.counts not in ("records", "arrivals")}
    for body, measures in stored.by_body.items():
        assert {code: one_ for code, one_ in measures.items() if code in own} == {
            code: one_ for code, one_ in after.measures[body].items() if code in own
        }


def _again(organs):
    north, south = organs
    return (
        ("A1", "甲", "2026-01-01", north, "一二三"), ("A2", None, None, north, "一"), ("A3", "丙", "不详", south, "一二三四五六"),
        ("A4", "丁", None, south, "一"), ("A5", "戊", None, south, None),
    )  # fmt: skip


def test_dry_run_of_weights_alone_judges_once_and_changes_scores_only(one, organs, monkeypatch):
    delivered(one, organs)
    judged, real = [], trial._judge
    monkeypatch.setattr(trial, "_judge", lambda *given: judged.append(1) or real(*given))
    found = tried(one, Edit("weight", "0302", "", 50))
    assert len(judged) == 1 and found.rules == [] and found.bodies and found.after.score() < found.before.score()


def test_dry_run_says_where_the_gate_would_stop(one, organs):
    delivered(one, organs)
    found = tried(one, Edit("rule", LENGTH, "severity", "reject"))
    assert found.before.findings == () and [line.name for line in found.after.findings] == ["max_rejects"]
    assert [line.name for line in tried(one, Edit("limit", "max_rejects", "", 0.1)).after.findings] == ["max_rejects"]


def test_dry_run_writes_nothing(one, organs):
    delivered(one, organs)
    before = _state(one)
    tried(one, Edit("rule", LENGTH, "severity", "reject"))
    assert _state(one) == before


def _state(one) -> tuple[object, ...]:
    with one.database.connect() as connection:
        rows = {table.name: connection.execute(sa.select(table)).all() for table in metadata.sorted_tables}
    lasting = (path for path in sorted(one.lake.rglob("*")) if path.is_file() and one.lake / "tmp" not in path.parents)
    return rows, {path: path.stat().st_mtime_ns for path in lasting}


def test_dry_run_takes_the_newest_delivery_of_any_partition_or_the_one_named(one, organs):
    first = delivered(one, organs)
    second = one.deliver(*_again(organs)[:3], ("A9", "己", None, organs[0], None), columns=HEADERS)
    edit = Edit("rule", LENGTH, "severity", "off")
    assert tried(one, edit).batch == second.batch and tried(one, edit, batch=first.batch).batch == first.batch
    with pytest.raises(ChangeRefused, match="no checked batch thing-x"):
        tried(one, edit, batch="thing-x")


def test_dry_run_of_what_may_not_be_or_without_a_delivery_is_refused(one, organs):
    with pytest.raises(ChangeRefused, match="check one first"):
        tried(one, Edit("rule", LENGTH, "severity", "off"))
    with pytest.raises(ChangeRefused, match="locked"):
        tried(one, Edit("rule", "thing.code.not_null", "severity", "off"))
