"""Every row rule of the shipped catalogue says the same in our one scan (SQL) and in plain Great Expectations on pandas.

The seeded rows of a resource are landed, cleaned and judged by the engine's scan; GX then runs the resource's suite over the cleaned
rows. Held together for each rule: rows evaluated, rows failed, and which ones. A malformed row and a deleting one are judged by few
rules in the engine, so they go into a frame of their own with just those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalogs.load import load
from catalogs.model import BATCH_CHECKS, ROW_CHECKS, Resource, Rule
from quality.check.rows import Context
from quality.gx_frame import LEFT_OUT, cleaned_frame, counts
from quality.rulebook import rulebook
from quality.scan import Landed, stage
from quality.session import session
from tests.quality_gx import cases, plain

# GX 1.24 reads zoned columns in a way pandas 3.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Series.values returning an ndarray that drops timezone")

CATALOG = load()
ROW_RULES = [rule for rules in CATALOG.rules.values() for rule in rules if rule.check in ROW_CHECKS]


@dataclass(frozen=True)
class Verdicts:
    """One rule over one frame: keys of the rows with a verdict, and of those that failed."""

    evaluated: int
    failing: frozenset[str]


@dataclass(frozen=True)
class Judged:
    ours: dict[str, Verdicts]
    theirs: dict[str, Verdicts]
    defined: dict[str, frozenset[str]]
    """Rule id → keys of the rows our scan gave a verdict for."""


def key(rule: Rule, kind: str, at: int) -> str:
    return f"{rule.id}#{kind}#{at}"


def seeded(resource: Resource) -> Iterator[tuple[str, cases.Row]]:
    for rule in CATALOG.rules[resource.id]:
        if rule.check in ROW_CHECKS:
            one = cases.case(rule, resource, CATALOG)
            for kind in ("failing", "passing", "undefined"):
                yield from ((key(rule, kind, at), row) for at, row in enumerate(getattr(one, kind)))


def land(path: Path, resource: Resource, rows: list[tuple[str, cases.Row]]) -> Landed:
    """The rows as the connectors land them: source headers, all text."""
    columns = {field.source: [row.get(field.name) for _, row in rows] for field in resource.fields}
    columns |= {"_source": ["seeded.csv"] * len(rows), "_raw": [row.get("_raw") for _, row in rows]}
    texts = {name: pa.array(column, pa.string()) for name, column in columns.items()}
    pq.write_table(pa.table({**texts, "_line": pa.array(range(2, len(rows) + 2), pa.int64())}), path, compression="zstd")
    return Landed(path, frozenset(columns) | {"_line"})


def judge(lake: Path, resource: Resource, rows: list[tuple[str, cases.Row]], rules: list[Rule]) -> Judged:
    """Both sides over the same rows."""
    book, partition = rulebook(resource, CATALOG), cases.PARTITION.get(resource.id)
    landed = land(lake / "rows.parquet", resource, rows)
    with session(lake, CATALOG) as connection:
        outcome = stage(connection, landed, book, Context(resource, CATALOG, cases.TODAY, partition))
        assert not outcome.errored
        table = connection.sql("SELECT * FROM stage ORDER BY _row").to_arrow_table()
    names = [name for name, _ in rows]
    defined, ours = {}, {}
    for rule in rules:
        masks = zip(names, table["_failed"].to_pylist(), table["_undefined"].to_pylist(), strict=True)
        told = {name: bool(failed & book.bits[rule.id]) for name, failed, undefined in masks if not undefined & book.bits[rule.id]}
        defined[rule.id] = frozenset(told)
        ours[rule.id] = Verdicts(len(told), frozenset(name for name, failed in told.items() if failed))
    table = table.append_column(plain.KEY, pa.array(names)).append_column(
        "_raw", pa.array([row.get("_raw") for _, row in rows], pa.string())
    )
    results = plain.validate(cleaned_frame(table), resource, rules, CATALOG, as_of=cases.AS_OF, partition=partition)
    raised = {rule: result.exception_info for rule, result in results.items() if "unexpected_count" not in result.result}
    assert not raised
    theirs = {rule.id: Verdicts(counts(results[rule.id]).evaluated, frozenset(plain.failing(results[rule.id]))) for rule in rules}
    assert all(counts(results[rule]).failed == len(theirs[rule].failing) for rule in theirs)
    return Judged(ours, theirs, defined)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Resource → both sides, made when the first rule of a resource asks."""

    @cache
    def make(resource_id: str) -> list[Judged]:
        resource = CATALOG.resources[resource_id]
        rules = [rule for rule in CATALOG.rules[resource_id] if rule.check in ROW_CHECKS]
        rows = list(seeded(resource))
        odd = [(name, row) for name, row in rows if row.get("_raw") is not None or (row.get("operation") or "").startswith("D")]
        plainly = [pair for pair in rows if pair not in odd]
        whole = [rule for rule in rules if rule.check == "well_formed_row" or rule.fields == ("operation",)]
        return [
            judge(tmp_path_factory.mktemp("lake"), resource, plainly, rules),
            judge(tmp_path_factory.mktemp("lake"), resource, odd, whole),
        ]

    return make


@pytest.mark.parametrize("rule", ROW_RULES, ids=lambda rule: rule.id)
def test_row_rule_judges_alike_in_the_scan_and_in_plain_gx(judged, rule):
    frames = [one for one in judged(rule.resource) if rule.id in one.ours]
    for one in frames:
        assert one.ours[rule.id] == one.theirs[rule.id]


@pytest.mark.parametrize("rule", ROW_RULES, ids=lambda rule: rule.id)
def test_row_rule_finds_exactly_its_seeded_rows(judged, rule):
    """At least three rows fail, three pass, and one says nothing where the rule may be silent."""
    case = cases.case(rule, CATALOG.resources[rule.resource], CATALOG)
    frames = [one for one in judged(rule.resource) if rule.id in one.ours]
    failing = frozenset().union(*(one.theirs[rule.id].failing for one in frames))
    defined = frozenset().union(*(one.defined[rule.id] for one in frames))
    expected = {kind: {key(rule, kind, at) for at in range(len(getattr(case, kind)))} for kind in ("failing", "passing", "undefined")}
    assert len(expected["failing"]) >= 3 and len(expected["passing"]) >= 3
    assert {name for name in failing if name.startswith(rule.id + "#")} == expected["failing"]
    assert expected["passing"] <= defined and not expected["undefined"] & defined
    assert expected["undefined"] or rule.check in ("not_null", "in_partition", "well_formed_row")


def test_batch_rule_run_by_plain_gx_is_an_exception_and_not_bad_data():
    resource = CATALOG.resources["population"]
    rules = [rule for rule in CATALOG.rules["population"] if rule.check == "volume"]
    frame = cleaned_frame(pa.table({plain.KEY: ["1"]}))
    (result,) = plain.validate(frame, resource, rules, CATALOG, as_of=cases.AS_OF, partition=None).values()
    assert result.result == {} and "compares with the head publication" in str(result.exception_info)


def test_every_rule_is_either_held_to_gx_or_left_out_for_a_reason():
    assert {rule.check for rules in CATALOG.rules.values() for rule in rules} <= {*ROW_CHECKS, *LEFT_OUT}
    assert set(LEFT_OUT) == set(BATCH_CHECKS) and all(LEFT_OUT.values())
    assert len(ROW_RULES) >= 40 and {rule.resource for rule in ROW_RULES} == set(CATALOG.resources)
