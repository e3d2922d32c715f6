"""What is shown beside a license whose row has a provisional value (暂行更正): which of its fields, until when. Never the value.

It is no part of the license: content, seal, status and grade stay what they are. `Remembered` spares verification a query an answer: the
few licenses concerned are read together, at most every FRESH_S seconds a process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from catalogs.model import Catalog
from license_hub.domain.license import fields_behind
from license_hub.domain.lifecycle import SHANGHAI
from quality.provisional import Pending, license_of, pending

FRESH_S = 5
STATUS = "status"


@dataclass(frozen=True)
class Provisional:
    """`field`: of the license, by short name, `status` for its status; `until`: the last day, ISO."""

    field: str
    until: str


def of_license(connection: sa.Connection, catalog: Catalog, type_id: str, identifier: str, now: datetime) -> tuple[Provisional, ...]:
    """Of one license, as the database says now."""
    return _named(catalog, type_id, pending(connection, now.astimezone(SHANGHAI).date(), [license_of(identifier)]))


@dataclass
class Remembered:
    """What one process knows of all licenses concerned."""

    read_at: datetime | None = None
    found: Mapping[str, list[Pending]] = field(default_factory=dict)

    def of(self, connection: sa.Connection, catalog: Catalog, type_id: str, identifier: str, now: datetime) -> tuple[Provisional, ...]:
        if self.read_at is None or not timedelta(0) <= now - self.read_at < timedelta(seconds=FRESH_S):
            found: dict[str, list[Pending]] = defaultdict(list)
            for one in pending(connection, now.astimezone(SHANGHAI).date()):
                found[one.license].append(one)
            self.found, self.read_at = dict(found), now
        # Hardly any license has one.
        return _named(catalog, type_id, self.found.get(license_of(identifier), [])) if self.found else ()


def _named(catalog: Catalog, type_id: str, found: list[Pending]) -> tuple[Provisional, ...]:
    """In the license's own names; fields it does not show are left out."""
    made = {}
    for one in found:
        source = next((source for source in catalog.license_types[type_id].sources if source.resource == one.resource), None)
        behind = fields_behind(source) | {STATUS: source.status_field or ""} if source else {}
        made |= {name: one.until for name, field_name in behind.items() if field_name == one.field}
    return tuple(Provisional(name, until) for name, until in sorted(made.items()))
