"""On what a license or a shared row is used: called inside the answering transaction. Until use grants are kept, a client's types are its
grants, and duty is the one basis there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from catalogs.matter import DUTY, LicenseWay, Matter, ShareWay
from license_hub.service.hub import Hub
from license_hub.storage.tables import client
from license_hub.storage.tables_cases import case


class Denied(StrEnum):
    """Why there is no basis."""

    NO_GRANT = "NO_GRANT"
    GRANT_SUSPENDED = "GRANT_SUSPENDED"
    GRANT_EXPIRED = "GRANT_EXPIRED"
    CASE_NOT_OPEN = "CASE_NOT_OPEN"
    NEEDS_AUTHORIZATION = "NEEDS_AUTHORIZATION"


@dataclass(frozen=True)
class Basis:
    """On what a license is used. `kind`: duty, holder, window or code."""

    kind: str
    id: str
    until: str


def examine(
    connection: sa.Connection,
    hub: Hub,
    *,
    client_id: str,
    case_id: int,
    type_id: str,
    subject: str,
    operator: str,
    purpose: str,
    license_id: int | None = None,
) -> Basis | Denied:
    """The basis, or why there is none. `type_id`: a license type or a resource; `subject`: the holder's number; `purpose`: the matter."""
    granted = connection.scalar(sa.select(client.c.types).where(client.c.client_id == client_id)) or ""
    if type_id in hub.catalog.license_types and type_id not in granted.split():
        return Denied.NO_GRANT
    mine = sa.select(case.c.matter).where(case.c.case_id == case_id, case.c.client_id == client_id, case.c.state == "open")
    if connection.scalar(mine) != purpose:
        return Denied.CASE_NOT_OPEN
    return Basis(DUTY, type_id, "") if by_duty(hub.catalog.matters.get(purpose), type_id) else Denied.NEEDS_AUTHORIZATION


def by_duty(matter: Matter | None, type_id: str) -> bool:
    """Whether every place of the matter that names the type or resource asks for duty alone. A place that asks for more decides."""
    if matter is None:
        return False
    said = {one.consent for one in matter.materials if any(type_id in _sources(way) for way in one.ways)}
    said |= {one.consent for field in matter.form for one in field.prefill if one.of == type_id}
    return said == {DUTY}


def _sources(way: object) -> tuple[str, ...]:
    if isinstance(way, LicenseWay):
        return way.types
    return (way.resource,) if isinstance(way, ShareWay) else ()
