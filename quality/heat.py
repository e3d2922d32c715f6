"""Bodies × indicators: how good each body's rows are by each indicator, and where a low figure comes from. The worst bodies first.

- A cell is A and B added up over the resources asked for; `worst` is the resource in which the indicator is lowest at the body.
- A body's score is the mean of its scores in those resources, each by the weights of that resource's delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from quality.scores import Measure, Scored, summed, weighted


@dataclass(frozen=True)
class Cell:
    measure: Measure
    worst: str
    """Resource."""


@dataclass(frozen=True)
class Line:
    """One body. `score` 0 to 1, None where nothing is defined."""

    body: str
    score: float | None
    by_resource: Mapping[str, Mapping[str, Measure]]
    """Resource → indicator → measure."""

    def cells(self) -> dict[str, Cell]:
        """Indicator → cell."""
        lowest: dict[str, tuple[bool, float, str]] = {}
        for name, measures in self.by_resource.items():
            for code, one in measures.items():
                figure = one.normalised
                told = (figure is None, figure or 0.0, name)
                lowest[code] = min(lowest.get(code, told), told)
        return {code: Cell(measure, lowest[code][2]) for code, measure in sorted(summed(self.by_resource.values()).items())}


def lines(scored: Iterable[Scored], division: str = "") -> list[Line]:
    """One line a body with rows in divisions that begin so; the lowest score first, undefined ones last."""
    parts: dict[str, dict[str, list[Mapping[str, Measure]]]] = {}
    weights = {}
    for one in scored:
        weights[one.resource] = one.weights
        for place, measures in one.by_body.items():
            if place.division.startswith(division):
                parts.setdefault(place.code, {}).setdefault(one.resource, []).append(measures)
    by_body = {body: {name: summed(each) for name, each in resources.items()} for body, resources in parts.items()}
    found = [Line(body, _score(resources, weights), resources) for body, resources in by_body.items()]
    return sorted(found, key=lambda one: (one.score is None, one.score or 0.0, one.body))


def _score(resources: Mapping[str, Mapping[str, Measure]], weights: Mapping[str, Mapping[str, float]]) -> float | None:
    each = [weighted(measures.values(), weights[name]) for name, measures in resources.items()]
    defined = [one for one in each if one is not None]
    return sum(defined) / len(defined) if defined else None
