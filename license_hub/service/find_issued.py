"""Rows of a resource → the licenses made of them: where they are, which version stands, whether one waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.storage.engine import reading
from license_hub.storage.tables import current, held, license

HELD = "HELD"
STEP = 500
"""Keys of one statement."""


@dataclass(frozen=True)
class Found:
    """`identifier` is empty, and `version` 0, where a row is held and nothing was issued of it yet. `status`: its state, or HELD."""

    identifier: str
    version: int
    status: str


def find_issued(hub: Hub, resource: str, keys: Sequence[str]) -> dict[str, Found]:
    """By key, for those keys that have a license or are held; of several types of one row the first by its name."""
    found: dict[str, Found] = {}
    for start in range(0, len(keys), STEP):
        probes = {index: key for key in keys[start : start + STEP] for index in hub.crypt.probes("key", key)}
        found |= _some(hub, resource, probes)
    return found


def _some(hub: Hub, resource: str, probes: Mapping[bytes, str]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    waiting = sa.select(held.c.key_bi).where(held.c.resource == resource, held.c.key_bi.in_(probes))
    made = (
        sa.select(license.c.key_bi, current.c.identifier, current.c.version, current.c.state)
        .join(current, current.c.license_id == license.c.license_id)
        .where(license.c.resource == resource, license.c.key_bi.in_(probes))
        .order_by(license.c.type_id.desc())
    )
    with reading(hub.engine) as connection:
        for row in connection.execute(waiting):
            found[probes[bytes(row.key_bi)]] = Found("", 0, HELD)
        for row in connection.execute(made):
            key = probes[bytes(row.key_bi)]
            found[key] = Found(row.identifier, int(row.version), HELD if key in found and found[key].status == HELD else row.state)
    return found
