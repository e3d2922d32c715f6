"""Scores as people read them: raw X = A / B, the normalised figure (1 − X where low is good), the weighted mean over what is defined.

- What B = 0 leaves undefined takes no part in a mean, and neither do errored and skipped rules: what is missing never looks bad.
- "Now" is the newest delivery of each partition of a resource, with the weights of those batches, and the sample that counts today.

Source: GB/T 36344-2018; standards.md §3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import add

import sqlalchemy as sa

from catalogs.model import Catalog
from catalogs.quality import Indicator
from quality import publications, sampling
from quality.responsible import Body
from quality.store import tables


@dataclass(frozen=True)
class Measure:
    """One indicator over some batches, bodies or divisions."""

    indicator: Indicator
    satisfied: int = 0
    evaluated: int = 0
    errored: int = 0
    skipped: int = 0

    @property
    def raw(self) -> float | None:
        return self.satisfied / self.evaluated if self.evaluated else None

    @property
    def normalised(self) -> float | None:
        """0 to 1, high is good."""
        if not self.evaluated:
            return None
        share = self.satisfied / self.evaluated
        return share if self.indicator.good == "high" else 1 - share

    def plus(self, other: Measure) -> Measure:
        return Measure(
            self.indicator, self.satisfied + other.satisfied, self.evaluated + other.evaluated, self.errored + other.errored,
            self.skipped + other.skipped,
        )  # fmt: skip


def summed(parts: Iterable[Mapping[str, Measure]]) -> dict[str, Measure]:
    """Indicator → measure, over the measures of several batches, bodies or resources."""
    found: dict[str, list] = {}
    for measures in parts:
        for code, one in measures.items():
            figures = (one.satisfied, one.evaluated, one.errored, one.skipped)
            known = found.get(code)
            # Sums are kept as numbers: an object for each of thousands of steps is most of what a page's figures cost.
            found[code] = [one.indicator, *figures] if known is None else [known[0], *map(add, known[1:], figures)]
    return {code: Measure(*line) for code, line in found.items()}


def weighted(measures: Iterable[Measure], weights: Mapping[str, float]) -> float | None:
    """The mean of the defined ones, 0 to 1; None where none is defined or weighs anything."""
    parts = [(figure, weights.get(one.indicator.code, 0.0)) for one in measures if (figure := one.normalised) is not None]
    total = sum(weight for _, weight in parts)
    return sum(value * weight for value, weight in parts) / total if total else None


@dataclass(frozen=True)
class Scored:
    """One batch, or the newest ones of a resource: measures by body, with the weights they go by."""

    resource: str
    as_of: datetime
    weights: Mapping[str, float]
    by_body: Mapping[Body, Mapping[str, Measure]]
    """Body and division → indicator → measure."""
    apart: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Indicator → rules that were errored and skipped. They are the batch's: each body's line says the same number."""

    def measures(self, *, body: str | None = None, division: str | None = None) -> dict[str, Measure]:
        """Indicator → measure over all bodies, or those of a credit code, or of divisions that begin so."""
        found = summed(
            measures for place, measures in self.by_body.items()
            if body in (None, place.code) and place.division.startswith(division or "")
        )  # fmt: skip
        kept = {code: replace(one, errored=wrong, skipped=left) for code, one in found.items() for wrong, left in [self._apart(code)]}
        return dict(sorted(kept.items()))

    def _apart(self, code: str) -> tuple[int, int]:
        return self.apart.get(code, (0, 0))

    def score(self, **where: str | None) -> float | None:
        return weighted(self.measures(**where).values(), self.weights)


def now(connection: sa.Connection, catalog: Catalog, resource_id: str) -> Scored | None:
    """The resource's newest deliveries together; None before the first was scored."""
    return next(iter(all_now(connection, catalog, [resource_id])), None)


def all_now(connection: sa.Connection, catalog: Catalog, resources: Iterable[str]) -> list[Scored]:
    """The newest deliveries of each resource together; those without a scored one are left out."""
    batches = [one.batch for one in publications.deliveries(connection, *resources)]
    found: dict[str, list[Scored]] = {}
    for one in of_batches(connection, catalog, batches):
        found.setdefault(one.resource, []).append(one)
    drawn = sampling.resources(connection)
    return [_together_now(connection, catalog, parts, sampled=name in drawn) for name, parts in found.items()]


def _together_now(connection: sa.Connection, catalog: Catalog, parts: Sequence[Scored], *, sampled: bool) -> Scored:
    newest = max(parts, key=lambda one: one.as_of)
    places: dict[Body, list[Mapping[str, Measure]]] = defaultdict(list)
    for one in parts:
        for place, measures in one.by_body.items():
            places[place].append(measures)
    by_body = defaultdict(dict, {place: summed(each) for place, each in places.items()})
    standing = sampling.standing(connection, newest.resource, newest.as_of) if sampled else None
    for place, one in standing[1].items() if standing else ():
        by_body[place][sampling.INDICATOR] = Measure(catalog.indicators[sampling.INDICATOR], one.right, one.judged)
    return Scored(newest.resource, newest.as_of, newest.weights, by_body, _together(parts))


def _together(found: Iterable[Scored]) -> dict[str, tuple[int, int]]:
    """Errored and skipped rules of several batches."""
    told: dict[str, tuple[int, int]] = {}
    for one in found:
        for code, (wrong, left) in one.apart.items():
            before = told.get(code, (0, 0))
            told[code] = (before[0] + wrong, before[1] + left)
    return told


def of_batches(connection: sa.Connection, catalog: Catalog, batches: Sequence[str]) -> list[Scored]:
    """One entry a scored batch, in the order given."""
    heads = sa.select(tables.batch.c.batch, tables.batch.c.resource, tables.batch.c.as_of, tables.batch.c.weights)
    lines = {row.batch: row for row in connection.execute(heads.where(tables.batch.c.batch.in_(batches)))}
    counted: dict[str, dict[Body, dict[str, Measure]]] = {}
    apart: dict[str, dict[str, tuple[int, int]]] = {}
    names = ("batch", "body", "division", "indicator", "satisfied", "evaluated", "errored", "skipped")
    rows = sa.select(*(tables.score.c[name] for name in names)).where(tables.score.c.batch.in_(batches))
    places: dict[tuple[str, str], Body] = {}
    for batch, code, division, indicator, *figures in connection.execute(rows).all():
        # One object a place: there are twenty rows of each.
        place = places.get((code, division)) or places.setdefault((code, division), Body(code, division))
        measure = Measure(catalog.indicators[indicator], *figures)
        counted.setdefault(batch, {}).setdefault(place, {})[indicator] = measure
        if measure.errored or measure.skipped:
            apart.setdefault(batch, {})[indicator] = (measure.errored, measure.skipped)
    return [
        Scored(lines[name].resource, lines[name].as_of, (lines[name].weights or {"of": {}})["of"], counted[name], apart.get(name, {}))
        for name in batches
        if name in counted
    ]


@dataclass(frozen=True)
class Band:
    """A range of scores people speak of as one. `name` is for style, `title` is read."""

    name: str
    title: str
    least: float


BANDS = (Band("best", "优", 0.98), Band("good", "良", 0.90), Band("fair", "中", 0.75), Band("poor", "差", 0.0))
"""Our own reading; the standard gives no bands."""


def band(score: float | None) -> Band | None:
    """None for what is undefined."""
    return None if score is None else next(one for one in BANDS if score >= one.least or one is BANDS[-1])
