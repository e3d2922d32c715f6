"""Counts A and B of GB/T 36344's indicators for one batch, by responsible body and division. X = A / B; undefined where B = 0.

    view judged ─► table tallied (one line a saying, set of findings and fate) ─► A and B by body, division and indicator

- Row rules and references: an element is one row under one rule. A delivery that fails a rule as a whole fails it for all its rows.
- An errored or skipped rule has no elements: it is counted apart and never lowers a score.
- What is true of the delivery and not of its rows (columns, arrivals) goes to the providing department.
- Sampling (0301) is counted where people enter it, not here.

Source: GB/T 36344-2018; standards.md §3; catalogs/indicators.yaml.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from catalogs.model import Catalog, Resource, Rule
from quality import responsible
from quality.outcome import Outcome
from quality.responsible import Body
from quality.rulebook import Rulebook
from quality.session import fill
from quality.sql import FALSE, Sql, compose, ident, joined, literal

SETTLED_CHECKS = ("unique", "conflicting_duplicate")
DELIVERY_CHECKS = ("freshness", "volume")


@dataclass(frozen=True)
class Count:
    """A and B of one indicator at one body, in one batch; `errored` and `skipped` are rules."""

    body: Body
    indicator: str
    satisfied: int
    evaluated: int
    errored: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Circumstances:
    """What a delivery's scores need besides its rows."""

    columns: frozenset[str]
    """Source columns that were delivered."""
    head_rows: int
    gone: int
    """Keys of the head, and how many of them are missing or deleted."""
    cycles: int
    arrived: int
    """Of the last 30 cycles: how many there were, and in how many a delivery could be fetched."""


_TALLIED = """CREATE OR REPLACE TEMP TABLE tallied AS
    SELECT {organ} AS organ, {division} AS division, failed, _undefined AS undefined, {silent} | silent AS silent, fate,
           stale OR {expired} AS unusable, count(*) AS rows
    FROM judged GROUP BY ALL"""


def tally(connection: duckdb.DuckDBPyConnection, book: Rulebook, as_of: Sql) -> None:
    """Make `tallied`: the one pass over `judged` that balance and scores are made of. `as_of`: the delivery's date."""
    organ, division = responsible.said(book.resource)
    until = book.resource.usable_until
    expired = compose("coalesce({until} < {day}, FALSE)", until=ident(until), day=as_of) if until else FALSE
    places = {"organ": organ, "division": division, "silent": _silent(book), "expired": expired}
    connection.execute(compose(_TALLIED, **places).text).fetchall()


def _silent(book: Rulebook) -> Sql:
    """Bits of the rules over other resources that are not asked about a row: it has no such value, or deletes its key."""
    terms = [
        compose("CASE WHEN {f} IS NULL OR _op = 'D' THEN {bit} ELSE 0 END", f=ident(rule.fields[0]), bit=literal(book.bits[rule.id]))
        for rule in book.batch_rules
        if rule.check not in SETTLED_CHECKS + DELIVERY_CHECKS
    ]
    return compose("({sum})::BIGINT", sum=joined(" + ", terms or [literal(0)]))


def count(
    connection: duckdb.DuckDBPyConnection, book: Rulebook, catalog: Catalog, outcomes: Sequence[Outcome], around: Circumstances
) -> list[Count]:
    """All counts of the batch. Needs `tallied`."""
    _name_bodies(connection, book.resource, catalog)
    provider = responsible.provider(book.resource, catalog)
    apart = _apart(outcomes)
    counts = [*_by_rules(connection, book, catalog, outcomes), *_by_rows(connection, book, catalog)]
    counts += [Count(provider, code, *pair) for code, pair in _of_delivery(book.resource, catalog, around).items()]
    seen = {one.indicator for one in counts}
    counts += [Count(provider, code, 0, 0) for code in apart if code not in seen]
    return [Count(one.body, one.indicator, one.satisfied, one.evaluated, *apart.get(one.indicator, (0, 0))) for one in counts]


def _apart(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """Indicator → errored and skipped rules, where there are any."""
    wrong, left = Counter[str](), Counter[str]()
    for one in outcomes:
        wrong[one.rule.indicator] += one.errored
        left[one.rule.indicator] += one.skipped
    return {code: (wrong[code], left[code]) for code in wrong if wrong[code] or left[code]}


def _name_bodies(connection: duckdb.DuckDBPyConnection, resource: Resource, catalog: Catalog) -> None:
    """Table `located`: `tallied` with the bodies its sayings mean."""
    sayings = connection.execute("SELECT DISTINCT organ::VARCHAR, division::VARCHAR FROM tallied").fetchall()
    found = responsible.found(resource, catalog, sayings)
    fill(connection, _BODIES, [(*saying, one.code, one.division) for saying, one in found.items()], 4)
    connection.execute(_LOCATED).fetchall()


_BODIES = """CREATE OR REPLACE TEMP TABLE bodies AS
    SELECT unnest($1::VARCHAR[]) AS organ, unnest($2::VARCHAR[]) AS division,
           unnest($3::VARCHAR[]) AS body, unnest($4::VARCHAR[]) AS seat"""

_LOCATED = """CREATE OR REPLACE TEMP TABLE located AS
    SELECT bodies.body, bodies.seat, failed, undefined | silent AS undefined, fate, unusable, sum(rows)::BIGINT AS rows
    FROM tallied JOIN bodies ON tallied.organ IS NOT DISTINCT FROM bodies.organ AND tallied.division IS NOT DISTINCT FROM bodies.division
    GROUP BY ALL"""

_BY_RULES = """SELECT body, seat, indicator,
           coalesce(sum(rows) FILTER (WHERE judged AND NOT failing), 0)::BIGINT, coalesce(sum(rows) FILTER (WHERE judged), 0)::BIGINT
    FROM (SELECT body, seat, indicator, rows, CASE kind WHEN 'delivery' THEN lost ELSE failed & bit <> 0 END AS failing,
                 CASE kind WHEN 'row' THEN undefined & bit = 0
                           WHEN 'settled' THEN fate = 'trusted' OR failed & bit <> 0
                           ELSE TRUE END AS judged
          FROM located CROSS JOIN scored_rules)
    GROUP BY ALL"""


def _by_rules(connection: duckdb.DuckDBPyConnection, book: Rulebook, catalog: Catalog, outcomes: Sequence[Outcome]) -> list[Count]:
    wanted = {code for code, one in catalog.indicators.items() if one.counts == "rules"}
    judged = [one for one in outcomes if one.rule.indicator in wanted and not one.errored and not one.skipped]
    rows = [(one.rule.indicator, book.bits[one.rule.id], _kind(one.rule), one.failed > 0) for one in judged]
    fill(connection, _SCORED_RULES, rows, 4)
    return [Count(Body(body, seat), *rest) for body, seat, *rest in connection.execute(_BY_RULES).fetchall()]


_SCORED_RULES = """CREATE OR REPLACE TEMP TABLE scored_rules AS
    SELECT unnest($1::VARCHAR[]) AS indicator, unnest($2::BIGINT[]) AS bit, unnest($3::VARCHAR[]) AS kind, unnest($4::BOOLEAN[]) AS lost"""


def _kind(rule: Rule) -> str:
    return "settled" if rule.check in SETTLED_CHECKS else "delivery" if rule.check in DELIVERY_CHECKS else "row"


_BY_ROWS = """SELECT body, seat, sum(rows)::BIGINT,
           coalesce(sum(rows) FILTER (WHERE fate = 'superseded'), 0)::BIGINT,
           coalesce(sum(rows) FILTER (WHERE failed & {dirty} <> 0), 0)::BIGINT,
           coalesce(sum(rows) FILTER (WHERE fate = 'trusted'), 0)::BIGINT,
           coalesce(sum(rows) FILTER (WHERE fate = 'trusted' AND NOT unusable), 0)::BIGINT
    FROM located GROUP BY ALL"""


def _by_rows(connection: duckdb.DuckDBPyConnection, book: Rulebook, catalog: Catalog) -> list[Count]:
    codes = _by_way(catalog)
    dirty = book.rejecting | book.mask(rule for rule in book.rules if rule.indicator in codes.get("dirty", ()))
    counts = []
    for body, seat, read, twice, foul, kept, usable in connection.execute(compose(_BY_ROWS, dirty=literal(dirty)).text).fetchall():
        pairs = {"duplicates": (twice, read), "dirty": (foul, read), "usable": (usable, kept)}
        counts += [Count(Body(body, seat), code, *pair) for way, pair in pairs.items() for code in codes.get(way, ())]
    return counts


def _of_delivery(resource: Resource, catalog: Catalog, around: Circumstances) -> dict[str, tuple[int, int]]:
    personal = [one for one in resource.fields if one.type in catalog.least_sensitivity]
    well = sum(one.sensitivity >= catalog.least_sensitivity[one.type] for one in personal)
    delivered = sum(one.source in around.columns for one in resource.fields)
    pairs = {
        "columns": (delivered, len(resource.fields)),
        "classified": (well, len(personal)),
        "records": (around.head_rows - around.gone, around.head_rows),
        "arrivals": (around.arrived, around.cycles),
    }
    codes = _by_way(catalog)
    return {code: pair for way, pair in pairs.items() for code in codes.get(way, ()) if pair[1]}


def _by_way(catalog: Catalog) -> Mapping[str, list[str]]:
    """Way of counting → indicators."""
    found: dict[str, list[str]] = {}
    for code, one in catalog.indicators.items():
        found.setdefault(one.counts, []).append(code)
    return found
