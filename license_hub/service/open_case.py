"""`open_case`: what the acceptance platform tells once it has accepted an application 受理. License content is used on an open case alone.

A case belongs to the client that opened it and has one number of that client's; whose numbers it names are encrypted, found by blind
index. The matter's version of the moment is kept: what is decided later says by which list of materials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.domain.holder import CODE_TYPES, code_type
from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import CaseRefused, CaseTaken, NoSuchCase
from license_hub.service.authenticate import Principal, still
from license_hub.service.canaries import recorded
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.sample_data import reaches
from license_hub.signing.commitment import instant
from license_hub.storage import cases
from license_hub.storage.cases import Case, Party
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.idempotency import Call, complete, intend

SCOPE = "case:work"
DONE = 201


@dataclass(frozen=True)
class Applicant:
    party: str
    name: str
    number: str
    code_type: str | None = None
    """By the number's shape where it is not told."""


@dataclass(frozen=True)
class Opening:
    case_no: str
    matter: str
    applicants: Sequence[Applicant]
    operator: str
    window: str
    received_in: str
    handled_in: str


def open_case(hub: Hub, asked: Opening, *, principal: Principal, request_id: str, once: Call) -> tuple[Mapping[str, object], bool]:
    """(the case as told, whether it is the answer of an earlier call). Raises CaseRefused, CaseTaken, KeyReused, NotAuthenticated."""
    today = shanghai_date(hub.now()).isoformat()
    matter = hub.catalog.matter_on(asked.matter, today) if asked.matter in hub.catalog.matters else None
    if matter is None:
        raise CaseRefused("/matter", "exists", "no matter of that id is published and in force")
    parties = [_party(matter.parties, at, one) for at, one in enumerate(asked.applicants)]
    if not parties or len({one.party for one in parties}) != len(parties):
        raise CaseRefused("/applicants", "unique", "somebody, and each party of a matter once")
    for at, one in enumerate(parties):
        if not reaches(principal.client_id, numbers=[one.number]):
            raise CaseRefused(f"/applicants/{at}/number", "sample_data", "a test client opens cases of made-up persons and bodies alone")
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        known = intend(connection, hub.crypt, once, hub.now())
        if known is not None and known.answer is not None:
            return known.answer, True
        row = {
            "client_id": principal.client_id, "case_no": asked.case_no, "matter": matter.id, "matter_version": matter.version,
            "state": cases.OPEN, "operator": asked.operator, "window": asked.window, "received_in": asked.received_in,
            "handled_in": asked.handled_in, "opened_at": instant(hub.now()), "closed_at": None, "result": None,
        }  # fmt: skip
        if cases.numbered(connection, principal.client_id, asked.case_no) is not None:
            raise CaseTaken("this client has a case of that number already")
        try:
            case_id = cases.add(connection, hub.crypt, row, parties, hub.entropy)
        except sa.exc.IntegrityError:
            raise CaseTaken("this client has a case of that number already") from None
        told = tell(cases.read(connection, hub.crypt, [case_id])[case_id])
        complete(connection, hub.crypt, once, DONE, told, hub.entropy(NONCE_BYTES))
        about = [(principal.client_id, "case", None, hub.crypt.blind_index("subject", one.number)) for one in parties]
        recorded(hub, connection, hub.now(), [Entry(request_id, *one, None, "OPENED", matter.title, asked.case_no) for one in about])
    return told, False


def read_case(hub: Hub, case_id: int, *, principal: Principal) -> Case:
    """The client's own case. Raises NoSuchCase, NotAuthenticated."""
    with reading(hub.engine) as connection:
        still(hub, connection, principal)
        return own(connection, hub, case_id, principal.client_id)


def own(connection: sa.Connection, hub: Hub, case_id: int, client_id: str, *, lock: bool = False) -> Case:
    """Raises NoSuchCase: another client's case is as unknown as one that never was. `lock`: as for `storage.cases.read`."""
    found = cases.read(connection, hub.crypt, [case_id], lock=lock).get(case_id)
    if found is None or found.client_id != client_id:
        raise NoSuchCase("no case of that id is this client's")
    return found


def tell(case: Case) -> dict[str, object]:
    """The case as its client is told: parties by name of their part alone, nothing of who they are."""
    names = ("case_id", "case_no", "matter", "matter_version", "state", "operator", "window", "received_in", "handled_in", "opened_at")
    return {name: getattr(case, name) for name in (*names, "closed_at", "result")} | {"parties": sorted(case.parties)}


def _party(parts: Mapping[str, str], at: int, one: Applicant) -> Party:
    """Raises CaseRefused."""
    if one.party not in parts:
        raise CaseRefused(f"/applicants/{at}/party", "known_code", "no part of that name in the matter")
    number = holder_form(one.number)
    kind = one.code_type or code_type(number, "both")
    if not number or kind not in CODE_TYPES:
        raise CaseRefused(f"/applicants/{at}/number", "malformed", "a number of a known kind of document")
    return Party(one.party, one.name.strip(), number, kind)
