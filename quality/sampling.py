"""Random samples that people compare with the source's archive: what no rule can see, indicator 0301.

- A sample is drawn once from the heads of all partitions, by a seed that is kept: who doubts it draws it again.
- Its rows lie in the lake (`samples/<resource>/<sample>.<draw>/`); tables hold numbers, verdicts and names of fields, never a value.
- A row is judged once; whoever judged it wrong judges it again, and both stay on record.
- Rows the archive cannot answer for take no part: they make the interval wider, not the score worse.

- A sample counts into 0301 once every row of it is judged, until a newer one is finished, and for a year at most (`standing`).

Source: GB/T 36344 0301; standards.md §3.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality import publications, responsible
from quality.errors import SampleRefused
from quality.files import claim
from quality.responsible import Body
from quality.session import alone, scratch, session
from quality.sql import commas, compose, ident, literal, literals
from quality.store.tables_samples import sample, sample_row, sample_verdict

INDICATOR = "0301"
"""What samples count into: content correctness, which no rule can see."""
MOST = 10_000
"""Rows of one sample: people have to look at each."""
Z95 = 1.959963984540054
"""Standard normal deviate of a two-sided interval of 95 %."""


COUNTS_FOR = timedelta(days=365)
"""How long a sample says something of the rows there are now: our choice, the standard names no span."""
PAGE = 20
DRAWN = "-drawn"
"""How the name of a drawing ends, where a batch's has its random part."""


class Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Drawn:
    sample: str
    rows: int
    population: int


@dataclass(frozen=True)
class Interval:
    """Share of right rows with its 95 % interval (Wilson). All None where nothing was judged."""

    share: float | None
    low: float | None
    high: float | None


def interval(right: int, judged: int) -> Interval:
    """Wilson's score interval: sound for small samples and for shares near 0 and 1."""
    if not judged:
        return Interval(None, None, None)
    share, square = right / judged, Z95 * Z95
    middle = (share + square / (2 * judged)) / (1 + square / judged)
    half = Z95 / (1 + square / judged) * math.sqrt(share * (1 - share) / judged + square / (4 * judged * judged))
    # At 0 and 1 the bound is the share itself, whatever rounding makes of it.
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def draw(
    catalog: Catalog, resource_id: str, rows: int, *, seed: int, lake: Lake | Path, database: sa.Engine, now: datetime, actor: str
) -> Drawn:
    """A sample of that many trusted rows, or all where there are fewer. Raises SampleRefused."""
    if not 1 <= rows <= MOST:
        raise SampleRefused(f"a sample has 1 to {MOST} rows, not {rows}")
    resource, opened, name = catalog.resources[resource_id], Lake.of(lake), uuid4().hex
    with database.connect() as connection:
        paths = publications.rows_paths(connection, opened, resource_id)
    if not paths:
        raise SampleRefused(f"resource {resource_id} has no trusted rows yet: there is nothing to draw from")
    # An erasure asks a folder's name since when its rows are there.
    place = f"{name}.{resource_id}-{now:%Y%m%dT%H%M%S}{DRAWN}"
    with session(opened, alone(catalog, resource_id)) as connection, scratch(opened / "tmp") as folder:
        ((population,),) = connection.execute(compose(_COUNT, paths=literals(map(opened.named, paths))).text).fetchall()
        connection.execute(_drawing(resource, [opened.named(one) for one in paths], rows, seed).text).fetchall()
        sayings = connection.execute('SELECT "row", organ, division FROM drawn ORDER BY "row"').fetchall()
        written = folder / resource_id / place / "rows.parquet"
        written.parent.mkdir(parents=True)
        connection.execute(compose(_COPY, path=literal(opened.named(written))).text).fetchall()
        path = claim(opened, written, opened / "samples" / resource_id / place, "rows")
    bodies = responsible.found(resource, catalog, [(organ, division) for _, organ, division in sayings])
    with database.begin() as connection:
        connection.execute(
            sa.insert(sample).values(
                sample=name, resource=resource_id, rows=len(sayings), population=population, seed=seed, drawn_at=now, drawn_by=actor,
                path=str(path.relative_to(opened.root)),
            )
        )  # fmt: skip
        lines = [{"sample": name, "row": row, **_named(bodies[organ, division])} for row, organ, division in sayings]
        connection.execute(sa.insert(sample_row), lines)
    return Drawn(name, len(sayings), population)


_COUNT = "SELECT count(*) FROM read_parquet([{paths}], union_by_name = true)"
_COPY = """COPY (SELECT * EXCLUDE (organ, division) FROM drawn ORDER BY "row") TO {path} (FORMAT parquet, COMPRESSION zstd)"""

# The hash of seed and key orders the rows the same in every run, whatever the files and threads are.
_DRAW = """CREATE OR REPLACE TEMP TABLE drawn AS
    SELECT row_number() OVER (ORDER BY turn, _key) AS "row", _key AS key, _origin AS origin, {values} AS "values",
           ({organ})::VARCHAR AS organ, ({division})::VARCHAR AS division
    FROM (SELECT *, sha256({seed} || chr(31) || _key) AS turn FROM read_parquet([{paths}], union_by_name = true)
          ORDER BY turn, _key LIMIT {rows})"""


def _drawing(resource: Resource, paths: Sequence[str], rows: int, seed: int):
    organ, division = responsible.said(resource)
    pairs = [compose("{name} := {value}::VARCHAR", name=ident(one.source), value=ident(one.name)) for one in resource.fields]
    return compose(
        _DRAW, organ=organ, division=division, seed=literal(str(seed)), paths=literals(paths), rows=literal(rows),
        values=compose("to_json(struct_pack({pairs}))::VARCHAR", pairs=commas(pairs)),
    )  # fmt: skip


def _named(body: Body) -> dict[str, str]:
    return {"body": body.code, "division": body.division}


def judge(
    catalog: Catalog, name: str, row: int, verdict: Verdict, fields: Sequence[str] = (), *, database: sa.Engine, now: datetime, actor: str
) -> None:
    """What the archive says of a row; `fields`: names of those that are wrong. Raises SampleRefused, KeyError for an unknown row."""
    with database.begin() as connection:
        found = connection.execute(
            sa.select(sample.c.resource).join(sample_row, sample_row.c.sample == sample.c.sample)
            .where(sample.c.sample == name, sample_row.c.row == row)
        ).one_or_none()  # fmt: skip
        if found is None:
            raise KeyError(f"{name} row {row}")
        known = {one.name for one in catalog.resources[found.resource].fields}
        if strange := sorted(set(fields) - known):
            raise SampleRefused(f"resource {found.resource} has no field {', '.join(strange)}")
        if (verdict is Verdict.WRONG) != bool(fields):
            raise SampleRefused("a wrong row names the fields that are wrong, and no other row does")
        line = {"sample": name, "row": row, "verdict": verdict, "fields": sorted(set(fields)), "at": now, "actor": actor}
        connection.execute(sa.insert(sample_verdict).values(**line))


@dataclass(frozen=True)
class Outcome:
    """A sample's result at one body, or of all."""

    right: int
    wrong: int
    unknown: int
    waiting: int

    @property
    def judged(self) -> int:
        """Rows the archive could answer for."""
        return self.right + self.wrong

    @property
    def interval(self) -> Interval:
        return interval(self.right, self.judged)


def outcome(connection: sa.Connection, name: str) -> dict[Body, Outcome]:
    """Body → what was found of its rows; the last verdict on a row counts."""
    last = sa.select(sample_verdict.c.row, sa.func.max(sample_verdict.c.id).label("id")).where(sample_verdict.c.sample == name)
    newest = last.group_by(sample_verdict.c.row).subquery()
    rows = (
        sa.select(sample_row.c.body, sample_row.c.division, sample_verdict.c.verdict, sa.func.count().label("rows"))
        .outerjoin(newest, newest.c.row == sample_row.c.row)
        .outerjoin(sample_verdict, sample_verdict.c.id == newest.c.id)
        .where(sample_row.c.sample == name)
        .group_by(sample_row.c.body, sample_row.c.division, sample_verdict.c.verdict)
    )
    found: dict[Body, dict[str | None, int]] = {}
    for row in connection.execute(rows):
        found.setdefault(Body(row.body, row.division), {})[row.verdict] = row.rows
    return {
        body: Outcome(*(counts.get(one, 0) for one in (Verdict.RIGHT, Verdict.WRONG, Verdict.UNKNOWN)), counts.get(None, 0))
        for body, counts in found.items()
    }


def whole(outcomes: Iterable[Outcome]) -> Outcome:
    """All of them together."""
    listed = list(outcomes)
    return Outcome(*(sum(getattr(one, name) for one in listed) for name in ("right", "wrong", "unknown", "waiting")))


def resources(connection: sa.Connection) -> set[str]:
    """Of which samples were drawn."""
    return set(connection.scalars(sa.select(sample.c.resource).distinct()))


def standing(connection: sa.Connection, resource_id: str, at: datetime) -> tuple[str, dict[Body, Outcome]] | None:
    """The sample that counts at a moment, with what was found: the newest whose rows are all judged. None where there is none."""
    drawn = (sample.c.resource == resource_id) & (sample.c.drawn_at > at - COUNTS_FOR)
    query = sa.select(sample.c.sample).where(drawn).order_by(sample.c.drawn_at.desc(), sample.c.sample)
    for name in connection.scalars(query).all():
        found = outcome(connection, name)
        if not whole(found.values()).waiting:
            return name, found
    return None


@dataclass(frozen=True)
class SampleRow:
    """`values` by source header, as they were cleaned, {} where the row was erased or outlived its retention; `verdict` '' while it
    waits."""

    row: int
    body: str
    key: str | None
    origin: str
    values: Mapping[str, str | None]
    verdict: str
    fields: tuple[str, ...]


def rows(connection: sa.Connection, lake: Lake | Path, name: str, *, after: int = 0, count: int = PAGE) -> list[SampleRow]:
    """Rows with a number above `after`, each with the last word on it. Raises KeyError for an unknown sample."""
    path = connection.scalar(sa.select(sample.c.path).where(sample.c.sample == name))
    if path is None:
        raise KeyError(name)
    mine = sa.select(sample_row.c.row, sample_row.c.body).where(sample_row.c.sample == name, sample_row.c.row > after)
    lines = connection.execute(mine.order_by(sample_row.c.row).limit(count)).all()
    asked, opened = [line.row for line in lines], Lake.of(lake)
    said = sa.select(sample_verdict).where(sample_verdict.c.sample == name, sample_verdict.c.row.in_(asked)).order_by(sample_verdict.c.id)
    last = {one.row: (one.verdict, tuple(one.fields)) for one in connection.execute(said)}
    query = compose(
        'SELECT "row", key, origin, "values" FROM read_parquet({path}) WHERE "row" IN ({rows})',
        path=literal(opened.named(opened / path)), rows=commas(map(literal, asked or [0])),
    )  # fmt: skip
    kept = {}
    if (opened / path).is_file():
        with publications.reader(opened) as reading:
            kept = {row: (key, origin, json.loads(values)) for row, key, origin, values in reading.execute(query.text).fetchall()}
    return [SampleRow(one.row, one.body, *kept.get(one.row, (None, "", {})), *last.get(one.row, ("", ()))) for one in lines]
