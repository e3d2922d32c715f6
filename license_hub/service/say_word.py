"""采信与否: what the counter says of an exemption. Who does not rely on a license says why, which becomes a 校核申请 at the body that
registered its row; the receipt stays as it was signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.errors import CaseNotOpen, DoubtRefused, NotAuthorized
from license_hub.service.authenticate import Principal, still
from license_hub.service.decide_case import last_decision
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.open_case import own
from license_hub.service.raise_correction import Asked, raise_correction
from license_hub.service.sign_in import staff
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.idempotency import Call
from license_hub.storage.tables_desk import word

ACCEPTED, REFUSED = "accepted", "refused"
SCOPE = "license:correct"


@dataclass(frozen=True)
class Said:
    """`identifier`: of the license it was said of; '' = of shared data or a department's answer."""

    identifier: str
    word: str
    correction: str | None
    operator: str
    said_at: str


@dataclass(frozen=True)
class Doubt:
    """Why a license is not relied on: fields by short name, a reason of the catalogue's, in words."""

    fields: tuple[str, ...]
    reason: str
    comment: str


def accept(hub: Hub, principal: Principal, case_id: int, material: str, operator: str, request_id: str) -> None:
    """Raises CaseNotOpen, NoSuchCase, DoubtRefused where that material is not exempt."""
    identifier = _exempt_by(hub, principal, case_id, material)
    _keep(hub, principal, case_id, material, Said(identifier, ACCEPTED, None, operator, instant(hub.now())), request_id, "")


def refuse(
    hub: Hub, principal: Principal, case_id: int, material: str, why: Doubt, operator: str, request_id: str, once: Call
) -> str | None:
    """The 校核申请 it became; None where no license stands for the material. Raises like `accept`; NotAuthorized, BundleErased."""
    if why.reason not in hub.catalog.tickets.doubts:
        raise DoubtRefused("/reason", "known_code", "a reason of the catalogue's")
    identifier, correction = _exempt_by(hub, principal, case_id, material), None
    if identifier:
        if SCOPE not in principal.scopes:
            raise NotAuthorized(f"scope {SCOPE} is not granted to this client")
        asked = Asked(why.fields, why.reason, why.comment, identifier)
        who = {"asked_by": principal.client_id, "request_id": request_id, "principal": principal, "once": once}
        correction = str(raise_correction(hub, asked, **who)[0]["id"])
    _keep(hub, principal, case_id, material, Said(identifier, REFUSED, correction, operator, instant(hub.now())), request_id, why.reason)
    return correction


def said(hub: Hub, case_id: int) -> Mapping[str, Said]:
    """By material."""
    query = sa.select(word).where(word.c.case_id == case_id)
    with reading(hub.engine) as connection:
        rows = connection.execute(query).all()
    return {row.material: Said(row.identifier, row.word, row.correction, row.operator, row.said_at) for row in rows}


def relied_on(one: Mapping[str, object]) -> str:
    """Identifier of the license on which a decided material is exempt; '' = of none."""
    return str((one["evidence"] or {}).get("identifier", ""))


def _exempt_by(hub: Hub, principal: Principal, case_id: int, material: str) -> str:
    told = last_decision(hub, case_id, principal=principal)
    found = [one for one in (told or {"materials": ()})["materials"] if one["material"] == material and one["outcome"] == "EXEMPT"]
    if not found:
        raise DoubtRefused("/material", "exempt", "no material of the last decision that is exempt")
    return relied_on(found[0])


def _keep(hub: Hub, principal: Principal, case_id: int, material: str, one: Said, request_id: str, reason: str) -> None:
    mine = (word.c.case_id == case_id, word.c.material == material)
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        case = own(connection, hub, case_id, principal.client_id)
        if not case.is_open:
            raise CaseNotOpen("the case is closed")
        connection.execute(sa.delete(word).where(*mine))
        connection.execute(sa.insert(word).values(case_id=case_id, material=material, **vars(one)))
        about = (request_id, staff(one.operator), "desk", None, None, "DONE", one.word.upper())
        record(connection, hub.now(), [Entry(*about, f"{material} {reason}".strip(), case.case_no)])
