"""Passed, failed, errored, skipped, silent: kept apart from the rule's outcome through counts and scores to what the page says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from catalogs.model import Field
from catalogs.quality import Responsible
from quality import findings, scores, totals
from quality.store import tables
from tests.quality.board.house import STAFF, House
from tests.quality.deliveries import rule
from tests.quality.test_tickets import LOOSE

FIELDS = (
    Field("code", "编号", "编号", "certificate_number", required=True),
    Field("name", "名称", "名称", "org_name"),
    Field("note", "备注", "备注", "text"),
    Field("organ", "机关代码", "机关代码", "uscc"),
)
HEADERS = tuple(one.source for one in FIELDS)


def _of(indicator: str, made):
    return replace(made, indicator=indicator, sentence=f"样例规则{indicator}")


BY_STATE = {
    "passed": _of("0201", rule("not_null", "code")),
    "failed": _of("0302", rule("pattern", "name", severity="warn", regex="好.*")),
    "errored": _of("0104", rule("expression", "name", severity="warn", sql="no_such_column > 1")),
    "skipped": _of("0402", rule("reference", "organ", severity="warn", resources=["nowhere"], field="code")),
    "silent": _of("0501", rule("length", "note", severity="warn", min=2)),
}
COUNTS = {"passed": (4, 4, 0, 0), "failed": (2, 4, 0, 0), "errored": (0, 0, 1, 0), "skipped": (0, 0, 0, 1), "silent": (0, 0, 0, 0)}
"""A, B, errored rules, skipped rules: once, however many bodies have rows."""
WORDS = {"passed": "通过", "failed": "未通过", "errored": "规则出错", "skipped": "未执行", "silent": "无可评记录"}
STATES = pytest.mark.parametrize("state", BY_STATE)


@pytest.fixture
def house(bench, catalog) -> House:
    """Two bodies, four rows, two of them with a name that fails."""
    one = bench(rules=tuple(BY_STATE.values()), limits=LOOSE, fields=FIELDS, order_by=None, responsible=Responsible(organ="organ"))
    one.catalog = replace(one.catalog, divisions=catalog.divisions)
    north, south = (catalog.organs[name][0] for name in ("9990101", "9990102"))
    one.deliver(("A1", "好", None, north), ("A2", "坏", None, north), ("A3", "好", None, south), ("A4", "坏", None, south), columns=HEADERS)
    return House(one)


@STATES
def test_outcome_and_finding_say_the_state(house, state):
    with house.bench.database.connect() as connection:
        batch = connection.scalar(sa.select(tables.batch.c.batch))
        found = findings.of_batches(connection, [batch])[BY_STATE[state].id][batch]
    assert found.state == state and (found.errored, found.skipped) == COUNTS[state][2:]
    assert (found.failed, found.evaluated) == (COUNTS[state][1] - COUNTS[state][0], COUNTS[state][1])


@STATES
def test_scores_count_it_once_and_only_failed_lowers_them(house, state):
    code, wanted = BY_STATE[state].indicator, COUNTS[state]
    with house.bench.database.connect() as connection:
        now = scores.now(connection, house.bench.catalog, "thing")
        (line,) = totals.lines(connection, resources=["thing"])
    measure = now.measures().get(code)
    assert (measure.satisfied, measure.evaluated, measure.errored, measure.skipped) == wanted
    assert totals.measures(house.bench.catalog.indicators, [line.measures])[code] == measure
    assert measure.normalised == {"passed": 1.0, "failed": 0.5}.get(state)
    for body in {place.code for place in now.by_body}:
        theirs = now.measures(body=body).get(code)
        assert theirs is None or (theirs.errored, theirs.skipped) == wanted[2:]


def test_score_is_the_one_of_the_rules_that_could_be_judged(house):
    with house.bench.database.connect() as connection:
        now = scores.now(connection, house.bench.catalog, "thing")
    measures, left_out = now.measures(), {BY_STATE[state].indicator for state in ("errored", "skipped", "silent")}
    assert now.score() == scores.weighted([one for code, one in measures.items() if code not in left_out], now.weights)


@STATES
def test_page_says_the_state_of_the_rule_and_of_its_indicator(house, state):
    told = house.get(STAFF, "/quality/resources/thing?format=json").json()
    one = BY_STATE[state]
    line = next(row for row in told["rules"] if row["rule"] == one.sentence)
    assert line["state"] == WORDS[state] and (line["share"] is None) == (state in ("errored", "skipped", "silent"))
    measure = next(row for row in told["indicators"] if row["indicator"].startswith(one.indicator))
    assert (measure["a"], measure["b"], measure["errored"], measure["skipped"]) == COUNTS[state]
    assert measure["normalised"] == {"passed": 1.0, "failed": 0.5}.get(state)


@STATES
def test_filter_by_state_shows_its_rules_alone(house, state):
    told = house.get(STAFF, f"/quality/resources/thing?state={state}&format=json").json()
    assert {row["state"] for row in told["rules"]} == {WORDS[state]}
