"""Why nothing was found: held, in quarantine, not collected here, source late, or truly unknown.

The two causes that tell something of a row (held, in quarantine) are said only to who knows its number *and* its holder's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.license_type import LicenseSource, LicenseType
from catalogs.model import Resource
from license_hub.domain.holder import CREDIT_CODE, code_type
from license_hub.domain.verdict import Absent
from license_hub.service.content import holder_form, number_form
from license_hub.service.hub import Hub
from license_hub.storage.licenses import held_place
from license_hub.storage.tables import held
from quality import publications
from quality.publications import Publication

OF_HOLDER = "\x1e"
"""Before a holder's number: any row of that holder. No number that is asked for holds a control character."""


class Asked(Protocol):
    """What the asker gave (`verify.VerifyRequest`)."""

    identifier: str | None
    type_id: str | None
    number: str | None
    holder_number: str | None


class Absences:
    """Causes for the requests of one transaction: what is the same for all is asked once."""

    def __init__(self, hub: Hub, connection: sa.Connection, now: datetime):
        self._hub = hub
        self._connection = connection
        self._now = now
        self._deliveries: dict[str, list[Publication]] = {}

    def of(self, request: Asked) -> tuple[Absent, datetime | None]:
        """The cause, and up to when the type's sources vouch for it."""
        hub = self._hub
        kind = _kind(hub, request)
        if kind is None or not kind.sources:
            return Absent(covered=False), None
        sources = _covering(hub, kind.sources, request)
        if not sources:
            return Absent(covered=False), None
        late, as_of = self._freshness([one.resource for one in sources])
        if request.identifier:
            # Identifiers of what is made here are minted here: no delivery still to come can bring one.
            return Absent(source_late=late and kind.origin == "collected"), as_of
        pair = (number_form(request.number or ""), holder_form(request.holder_number or ""))
        is_held = _is_held(hub, self._connection, kind.id, pair)
        quarantined = not is_held and any(
            self._in_quarantine(one.resource, one.number_field, one.holder.number_field, "\x1f".join(pair)) for one in sources
        )
        return Absent(held=is_held, in_quarantine=quarantined, source_late=late), as_of

    def of_holder(self, type_id: str, number: str) -> Absent:
        """The same for whoever has the holder's number alone, and a reason to be told (an open case)."""
        kind = self._hub.catalog.license_types[type_id]
        if not kind.sources:
            return Absent(covered=False)
        sources = [one for one in kind.sources if self._covers(one.resource, number)]
        if not sources:
            return Absent(covered=False)
        late, _ = self._freshness([one.resource for one in sources])
        # Where the certificate's number is the holder's, a row on hold is found by it.
        is_held = _is_held(self._hub, self._connection, type_id, (number, number))
        quarantined = not is_held and any(
            self._in_quarantine(one.resource, one.number_field, one.holder.number_field, OF_HOLDER + number) for one in sources
        )
        return Absent(held=is_held, in_quarantine=quarantined, source_late=late)

    def of_row(self, resource: str, number_field: str, number: str) -> Absent:
        """Why a resource has no row of that number."""
        if not self._covers(resource, number):
            return Absent(covered=False)
        quarantined = self._in_quarantine(resource, number_field, number_field, OF_HOLDER + number)
        late, _ = self._freshness([resource])
        return Absent(in_quarantine=quarantined, source_late=late)

    def _covers(self, resource: str, number: str) -> bool:
        """An organisation's number says its division; a person may have rows anywhere."""
        return not _is_credit(number) or number[2:8].startswith(self._hub.catalog.resources[resource].coverage.divisions)

    def _in_quarantine(self, resource: str, number_field: str, holder_field: str, wanted: str) -> bool:
        """Whether the newest batch of a partition has that row in quarantine. Files never change, so what is in one is read once."""
        hub = self._hub
        index = hub.crypt.blind_index("number", wanted)
        for head in self._delivered(resource):
            path = hub.lake / "quarantine" / resource / head.batch / "rows.parquet"
            # What was read under another index key finds nothing.
            where = (path, number_field, holder_field, hub.crypt.index_kid)
            known = hub.evidence.quarantines.get(where)
            if known is None:
                found = _pairs(hub, path, hub.catalog.resources[resource], number_field, holder_field)
                known = hub.evidence.quarantines.put(where, found)
            if index in known:
                return True
        return False

    def _delivered(self, resource: str) -> list[Publication]:
        if resource not in self._deliveries:
            self._deliveries[resource] = publications.deliveries(self._connection, resource)
        return self._deliveries[resource]

    def _freshness(self, resources: Iterable[str]) -> tuple[bool, datetime | None]:
        """(whether one of the sources is late or was never published, the oldest of their newest as-of times)."""
        late, oldest = False, None
        for resource in set(resources):
            newest = max((one.as_of for one in self._delivered(resource)), default=None)
            late |= newest is None or self._now - newest > timedelta(hours=self._hub.catalog.resources[resource].cycle_hours)
            oldest = min((one for one in (oldest, newest) if one is not None), default=None)
        return late, oldest


def _kind(hub: Hub, request: Asked) -> LicenseType | None:
    if not request.identifier:
        return hub.catalog.license_types.get(request.type_id or "")
    return hub.catalog.type_named(number_form(request.identifier))


def _covering(hub: Hub, sources: Sequence[LicenseSource], request: Asked) -> list[LicenseSource]:
    """Sources that could hold it: an organisation's number says its division, a person's home says nothing of where a license is from."""
    credit = [one for one in (number_form(request.number or ""), holder_form(request.holder_number or "")) if _is_credit(one)]
    if not credit:
        return list(sources)
    division = credit[0][2:8]
    return [one for one in sources if division.startswith(hub.catalog.resources[one.resource].coverage.divisions)]


def _is_credit(number: str) -> bool:
    return bool(number) and code_type(number, "both") == CREDIT_CODE


def _is_held(hub: Hub, connection: sa.Connection, type_id: str, pair: tuple[str, str]) -> bool:
    number, holder = pair
    query = sa.select(held.c.resource, held.c.key_bi, held.c.payload)
    rows = connection.execute(query.where(held.c.type_id == type_id, held.c.number_bi.in_(hub.crypt.probes("number", number))))
    for resource, key, payload in rows:
        row = json.loads(hub.crypt.decrypt("hub_held", "payload", held_place(type_id, resource, bytes(key)), payload))
        source = next(one for one in hub.catalog.license_types[type_id].sources if one.resource == resource)
        if holder in _holder_forms(row.get(source.holder.number_field)):
            return True
    return False


def _pairs(hub: Hub, path, resource: Resource, number_field: str, holder_field: str) -> frozenset[bytes]:
    """Blind indexes of (number, holder number) and (OF_HOLDER, holder number) of a quarantine file's rows."""
    if not path.is_file():
        return frozenset()
    number, holder = resource.field(number_field).source, resource.field(holder_field).source
    found = set()
    with hub.lake.open(path) as file:
        texts = pq.read_table(file, columns=["values"])["values"].to_pylist()
    for text in texts:
        values: Mapping[str, str | None] = json.loads(text) if text else {}
        for one in _holder_forms(values.get(holder)):
            found.add(hub.crypt.blind_index("number", f"{number_form(values.get(number) or '')}\x1f{one}"))
            found.add(hub.crypt.blind_index("number", OF_HOLDER + one))
    return frozenset(found)


def _holder_forms(numbers: str | None) -> set[str]:
    """A `;` list as the source writes it, or one number."""
    return {holder_form(one) for one in (numbers or "").replace("；", ";").split(";") if one.strip()}
