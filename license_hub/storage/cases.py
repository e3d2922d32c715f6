"""Cases back from their rows, and new ones into them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.storage.crypt import NONCE_BYTES, Crypt
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.tables_cases import case, party

OPEN, CLOSED = "open", "closed"
_WITH_PARTIES = (
    sa.select(case, party.c.party, party.c.payload)
    .select_from(case.outerjoin(party, party.c.case_id == case.c.case_id))
    .order_by(case.c.case_id, party.c.party)
)


@dataclass(frozen=True)
class Party:
    """Who a case is about, in one of its matter's parts."""

    party: str
    name: str
    number: str
    """In the form of `service.content.holder_form`."""
    code_type: str


@dataclass(frozen=True)
class Case:
    case_id: int
    client_id: str
    case_no: str
    matter: str
    matter_version: str
    state: str
    operator: str
    window: str
    received_in: str
    handled_in: str
    opened_at: str
    closed_at: str | None
    result: str | None
    parties: Mapping[str, Party]

    @property
    def is_open(self) -> bool:
        return self.state == OPEN


def add(
    connection: sa.Connection, crypt: Crypt, row: Mapping[str, object], parties: Sequence[Party], entropy: Callable[[int], bytes]
) -> int:
    """The new case's id. `row`: columns of hub_case. Raises IntegrityError where the client has a case of that number."""
    case_id = connection.execute(sa.insert(case).values(row).returning(case.c.case_id)).scalar_one()
    rows = [
        {
            "case_id": case_id,
            "party": one.party,
            "number_bi": crypt.blind_index("holder", one.number),
            "payload": seal_party(crypt, case_id, one, entropy(NONCE_BYTES)),
        }
        for one in parties
    ]
    connection.execute(sa.insert(party), rows)
    return case_id


def seal_party(crypt: Crypt, case_id: int, one: Party, nonce: bytes) -> bytes:
    told = {"name": one.name, "number": one.number, "code_type": one.code_type}
    data = json.dumps(told, ensure_ascii=False, sort_keys=True).encode()
    return crypt.encrypt("hub_case_party", "payload", party_place(case_id, one.party), data, nonce)


def party_place(case_id: int, name: str) -> str:
    return f"{case_id}|{name}"


def read(connection: sa.Connection, crypt: Crypt, case_ids: Collection[int], *, lock: bool = False) -> dict[int, Case]:
    """Cases by id, with their parties, in one statement. `lock`: they stay so until the transaction ends. Raises DecryptionError."""
    found: dict[int, Case] = {}
    people_of: dict[int, dict[str, Party]] = {}
    for part in chunks(sorted(set(case_ids)), CHUNK):
        query = _WITH_PARTIES.where(case.c.case_id.in_(part))
        for row in connection.execute(query.with_for_update(of=case) if lock else query):
            people = people_of.setdefault(row.case_id, {})
            if row.party is not None:
                told = json.loads(crypt.decrypt("hub_case_party", "payload", party_place(row.case_id, row.party), row.payload))
                people[row.party] = Party(row.party, **told)
            if row.case_id not in found:
                found[row.case_id] = Case(**{name: row._mapping[name] for name in case.c.keys()}, parties=people)
    return found


def numbered(connection: sa.Connection, client_id: str, case_no: str) -> int | None:
    """Id of the client's case of that number."""
    return connection.scalar(sa.select(case.c.case_id).where(case.c.client_id == client_id, case.c.case_no == case_no))
