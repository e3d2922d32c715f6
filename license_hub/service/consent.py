"""持证人授权 and 窗口现场授权 as the counter asks for them: the holder's word for the use of a license.

- `ask`        the case handler asks; the holder answers on the phone page (`answer`), for this case alone or for the client's cases of
               that matter until a day
- `at_window`  for people without a phone: the operator records what was signed or which card was checked, and who acted for the holder

The holder's own acts are in `holder_consent`, codes in `use_code`.
Each act is an audit entry about the holder, in the act's own transaction. Names of those who acted for the holder are encrypted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from license_hub.errors import ConsentRefused, NotAllowed
from license_hub.service.authenticate import Principal, still
from license_hub.service.authorize import HOLDER, STANDING, WINDOW, Denied, grant_of
from license_hub.service.content import subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import instant
from license_hub.storage import cases
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.idempotency import Call, complete, intend
from license_hub.storage.tables_cases import case
from license_hub.storage.tables_grants import authorization

ACTION = "authorize"
SELF, GUARDIAN, OFFICER, AGENT = "self", "guardian", "officer", "agent"
RELATIONS = (SELF, GUARDIAN, OFFICER, AGENT)
"""本人, 监护人, 法人经办人, 帮办代办."""
PHONE, PAPER, CARD = "phone", "signed_paper", "id_card"
EVIDENCE = (PAPER, CARD)
"""What an operator may record: a paper that was signed, a card that was checked."""
CREATED = 201
ASKED_FOR = timedelta(hours=24)
"""How long a holder may take to answer."""
CASE_LONG = timedelta(days=30)
"""An authorisation for one case ends with the case, and by itself after this."""
LONGEST = timedelta(days=366)

TOLD = (
    "id", "kind", "client_id", "case_id", "type_id", "purpose", "operator", "relation", "evidence", "asked_at", "given_at", "withdrawn_at",
    "valid_until",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What a case handler asks for, or records: the use of one type of license of one party of a case."""

    case_id: int
    party: str
    type_id: str
    operator: str


@dataclass(frozen=True)
class Window:
    """What the operator saw. `by`: who acted, where it was not the holder: name, number and what gives them the right."""

    evidence: str
    relation: str = SELF
    by: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Place:
    """Where an authorisation lies: the client's own open case, and the number of the party it names."""

    client_id: str
    case_id: int
    case_no: str
    matter: str
    number: str


Told = Mapping[str, str | int | None]


def ask(hub: Hub, wanted: Wanted, principal: Principal, request_id: str, once: Call | None = None) -> Told:
    """The request, which waits for the holder. `once`: an earlier call's answer is given again.

    Raises NotAllowed, ConsentRefused, NotAuthenticated, KeyReused.
    """
    return _enter(hub, wanted, principal, request_id, None, once)


def at_window(hub: Hub, wanted: Wanted, seen: Window, principal: Principal, request_id: str, once: Call | None = None) -> Told:
    """The authorisation, which counts at once. Raises like `ask`."""
    if seen.evidence not in EVIDENCE:
        raise ConsentRefused("/evidence", "known_code", f"one of {', '.join(EVIDENCE)}")
    if seen.relation not in RELATIONS:
        raise ConsentRefused("/relation", "known_code", f"one of {', '.join(RELATIONS)}")
    if (seen.relation == SELF) != (not seen.by):
        raise ConsentRefused("/by", "required", "who acted for the holder, where it was not the holder")
    return _enter(hub, wanted, principal, request_id, seen, once)


def _enter(hub: Hub, wanted: Wanted, principal: Principal, request_id: str, seen: Window | None, once: Call | None) -> Told:
    if not wanted.operator.strip():
        raise ConsentRefused("/operator", "required", "who asks")
    name, now = hub.entropy(16).hex(), hub.now()
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        if (known := earlier(hub, connection, once)) is not None:
            return known
        place = place_of(hub, connection, principal, wanted)
        row = {
            "id": name,
            "kind": WINDOW if seen else HOLDER,
            "client_id": place.client_id,
            "case_id": place.case_id,
            "type_id": wanted.type_id,
            "purpose": place.matter,
            "subject_bi": subject_index(hub.crypt, place.number),
            "operator": wanted.operator,
            "relation": seen.relation if seen else SELF,
            "evidence": seen.evidence if seen else PHONE,
            "payload": _sealed(hub, name, seen.by) if seen and seen.by else None,
            "asked_at": instant(now),
            "given_at": instant(now) if seen else None,
            "valid_until": instant(now + (CASE_LONG if seen else ASKED_FOR)),
        }
        connection.execute(sa.insert(authorization).values(row))
        made = kept(hub, connection, once, name)
        note(hub, connection, request_id, principal.client_id, row, "GIVEN" if seen else "ASKED", place.case_no)
    return made


def earlier(hub: Hub, connection: sa.Connection, once: Call | None) -> Told | None:
    """What the same call was answered before. Raises KeyReused."""
    known = intend(connection, hub.crypt, once, hub.now()) if once else None
    return known.answer if known else None


def kept(hub: Hub, connection: sa.Connection, once: Call | None, name: str) -> Told:
    """The answer: the authorisation as it stands in this transaction; kept for a repeat of the call."""
    made = told(connection.execute(sa.select(authorization).where(authorization.c.id == name)).one(), instant(hub.now()))
    if once:
        complete(connection, hub.crypt, once, CREATED, made, hub.entropy(NONCE_BYTES))
    return made


def place_of(hub: Hub, connection: sa.Connection, principal: Principal, wanted: Wanted) -> Place:
    """Of an open case of the caller whose matter it may use the type for. Raises NotAllowed, ConsentRefused."""
    row = connection.execute(
        sa.select(case).where(case.c.case_id == wanted.case_id, case.c.client_id == principal.client_id).with_for_update(read=True)
    ).first()
    if row is None or row.state != cases.OPEN:
        raise NotAllowed(Denied.CASE_NOT_OPEN)
    grant = grant_of(connection, principal.client_id, wanted.type_id, row.matter)
    denied = Denied.NO_GRANT if grant is None else STANDING.get(grant.standing(instant(hub.now())))
    if denied:
        raise NotAllowed(denied)
    of = cases.read(connection, hub.crypt, [wanted.case_id])[wanted.case_id].parties.get(wanted.party)
    if of is None:
        raise ConsentRefused("/party", "known_code", "the case has no such party")
    return Place(row.client_id, row.case_id, row.case_no, row.matter, of.number)


def stands(hub: Hub, name: str, client_id: str) -> Told | None:
    """How the client's own request or authorisation stands: state, kind, until."""
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(authorization).where(authorization.c.id == name, authorization.c.client_id == client_id)).first()
    return None if row is None else told(row, instant(hub.now()))


def told(row: sa.Row, now: str) -> Told:
    """An authorisation as its client and its holder may know it."""
    return {name: getattr(row, name) for name in TOLD} | {"state": state_of(row, now)}


def state_of(row: sa.Row, now: str) -> str:
    """asked, given, declined, withdrawn or expired."""
    for name in ("withdrawn", "declined"):
        if getattr(row, f"{name}_at") is not None:
            return name
    if row.valid_until <= now:
        return "expired"
    return "asked" if row.given_at is None else "given"


def _sealed(hub: Hub, name: str, by: Mapping[str, str]) -> bytes:
    plain = json.dumps(dict(by), ensure_ascii=False).encode()
    return hub.crypt.encrypt("hub_authorization", "payload", name, plain, hub.entropy(NONCE_BYTES))


def note(
    hub: Hub, connection: sa.Connection, request_id: str, actor: str, row: Mapping[str, object], code: str, case_no: str | None = None
) -> None:
    """The act's audit entry, about the holder. The last thing its transaction does."""
    about = (request_id or hub.entropy(16).hex(), actor, ACTION, None, bytes(row["subject_bi"]))
    said = " ".join(str(row[name]) for name in ("type_id", "purpose", "id") if row[name])
    record(connection, hub.now(), [Entry(*about, "DONE", code, said, case_no)])
