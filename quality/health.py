"""How each resource's source stands: what came last, what was made of it, how fresh it is, what stops it, whether its shape drifts.

For whoever runs the connectors; the figures are those of the quality pages (`totals`, `trends`), asked for all resources at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from catalogs.model import Catalog
from connectors import manifest
from connectors.errors import SourceError
from connectors.lake import Lake
from connectors.manifest import Manifest
from quality import totals, trends
from quality.store import tables
from quality.store.tables_totals import total
from quality.totals import Total


@dataclass(frozen=True)
class Stop:
    """What the gate found against the newest delivery: a limit's name or a rule's id."""

    name: str
    figure: float
    limit: float


@dataclass(frozen=True)
class Health:
    resource: str
    title: str
    connector: str
    landed_at: datetime | None
    """When the newest delivery was pulled; None = none ever."""
    rows: int
    published_at: datetime | None
    number: int
    """Of the newest publication; 0 = none."""
    as_of: datetime | None
    """Up to when the source's data is."""
    cycle_hours: int
    late: bool
    batch: str
    """The newest checked delivery, and what became of it: published, noop, stopped, '' = none."""
    status: str
    stops: Sequence[Stop]
    missing: Sequence[str]
    """Columns that may be missing and are, and columns nobody agreed on: the delivery's shape against the contract."""
    extra: Sequence[str]
    broken: bool
    """Whether the newest delivery's description cannot be read."""

    @property
    def ails(self) -> bool:
        """Whether somebody has to look at it."""
        return self.late or self.broken or self.status == totals.STOPPED or not self.landed_at or bool(self.missing or self.extra)


def of_all(connection: sa.Connection, catalog: Catalog, lake: Lake, now: datetime) -> list[Health]:
    """In the catalogue's order; a statement each for what all of them have, a look into the lake each for the newest delivery."""
    names = list(catalog.resources)
    arrived: dict[str, list[Total]] = {name: [] for name in names}
    for one in totals.standing_at(connection, names, statuses=totals.ARRIVED):
        arrived[one.resource].append(one)
    last = _last(connection, names)
    published = _published(connection)
    return [_health(catalog, lake, name, arrived[name], last.get(name), published.get(name), now) for name in names]


def _health(
    catalog: Catalog, lake: Lake, name: str, arrived: Sequence[Total], last: sa.Row | None, published: sa.Row | None, now: datetime
) -> Health:
    resource, landed, broken = catalog.resources[name], None, False
    try:
        landed = _described(lake, name)
    except (SourceError, OSError, ValueError, KeyError, TypeError):
        broken = True
    fresh = trends.freshness(resource, arrived, now)
    stops = [Stop(one["name"], one["figure"], one["limit"]) for one in last.reasons] if last and last.status == totals.STOPPED else []
    return Health(
        resource=name, title=resource.title, connector=resource.connector.kind,
        landed_at=datetime.fromisoformat(landed.landed_at) if landed else None, rows=landed.rows if landed else 0,
        published_at=published.at if published else None, number=published.number if published else 0,
        as_of=fresh.as_of, cycle_hours=resource.cycle_hours, late=fresh.late,
        batch=last.batch if last else "", status=last.status if last else "", stops=stops,
        missing=landed.missing_optional if landed else (), extra=landed.extra_columns if landed else (), broken=broken,
    )  # fmt: skip


def _described(lake: Lake, name: str) -> Manifest | None:
    """Of the newest complete delivery: ids of batches begin with the moment they were pulled."""
    folder = lake / "landing" / name
    whole = (one for one in folder.iterdir() if (one / manifest.NAME).is_file()) if folder.is_dir() else ()
    newest = max(whole, key=lambda one: one.name, default=None)
    return manifest.read(newest) if newest is not None else None


def _last(connection: sa.Connection, names: Sequence[str]) -> Mapping[str, sa.Row]:
    """Resource → its newest checked delivery; pushed rows are no deliveries."""
    newest = sa.select(total.c.resource, sa.func.max(total.c.checked_at).label("at")).group_by(total.c.resource).subquery()
    same = (newest.c.resource == total.c.resource) & (newest.c.at == total.c.checked_at)
    query = sa.select(total.c.resource, total.c.batch, total.c.status, tables.batch.c.reasons).join(newest, same)
    query = query.join(tables.batch, tables.batch.c.batch == total.c.batch).where(total.c.resource.in_(names))
    return {row.resource: row for row in connection.execute(query)}


def _published(connection: sa.Connection) -> Mapping[str, sa.Row]:
    one = tables.publication.c
    query = sa.select(one.resource, sa.func.max(one.number).label("number"), sa.func.max(one.created_at).label("at"))
    return {row.resource: row for row in connection.execute(query.group_by(one.resource))}
