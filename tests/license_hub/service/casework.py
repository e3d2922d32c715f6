"""What authorising needs of the other parts: a matter, an open case, a client with its grant."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

import sqlalchemy as sa

from catalogs.matter import DUTY, HOLDER, PUBLISHED, REQUIRED, LicenseWay, Material, Matter
from catalogs.model import Catalog
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import Basis, Denied, examine
from license_hub.service.consent import Wanted
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import UseGrant, give
from license_hub.service.register_client import SCOPES, Client, find, register
from license_hub.signing.commitment import instant
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import writing
from license_hub.storage.tables import BIG, TEXT, metadata
from tests.license_hub.caller import Key

MATTER = "food_permit_new"
ON_DUTY, ASKED = "food_permit", "business_license"
"""Of the sample matter: a type used by duty, and one that asks for the holder's word."""
OPERATOR = "窗口07"
NUMBER, PARTY = "91990101MA0000001X", "applicant"
"""The applicant's number, and what the matter calls them."""
DOCUMENT = "样例政数〔2026〕1号"
_numbers = count(1)


def material(code: str, type_id: str, consent: str) -> Material:
    way = LicenseWay((type_id,), ("名称",))
    return Material(code, f"材料{code}", "20", REQUIRED, "原件", "applicant", None, consent, (way,))


def with_matter(catalog: Catalog) -> Catalog:
    """The catalogue with the sample matter alone."""
    materials = (material("m1", ON_DUTY, DUTY), material("m2", ASKED, HOLDER))
    matter = Matter(
        id=MATTER, code="0" * 12, task_code="0" * 31, title="食品经营许可新办", department="market", level="4",
        audience=("organisation",), areas=(), parties={"applicant": "申请人"}, version="1", since="2026-11-22", state=PUBLISHED, reviews=(),
        materials=materials, form=(),
        bundle=None, source="test",
    )  # fmt: skip
    made = copy.copy(catalog)
    object.__setattr__(made, "matters", {MATTER: matter})
    return made


def open_case(hub: Hub, client_id: str, matter: str = MATTER, state: str = "open", number: str = NUMBER) -> int:
    """A case of that client, whose applicant has that number. Its id."""
    case_id, at = next(_numbers), instant(hub.now())
    row = {"case_id": case_id, "case_no": f"C-{case_id}", "client_id": client_id, "matter": matter, "state": state, "operator": OPERATOR,
           "window": "7", "opened_at": at}  # fmt: skip
    told = json.dumps({"name": "样例甲", "number": number, "code_type": "001"}).encode()
    cell = hub.crypt.encrypt("hub_case_party", "payload", f"{case_id}|{PARTY}", told, hub.entropy(NONCE_BYTES))
    party = {"case_id": case_id, "party": PARTY, "number_bi": hub.crypt.blind_index("holder", number), "payload": cell}
    with writing(hub.engine) as connection:
        add(connection, tables(connection)["hub_case"], row)
        add(connection, tables(connection)["hub_case_party"], party)
    return case_id


def add(connection: sa.Connection, table: sa.Table, row: dict[str, object]) -> None:
    """What the table asks for beyond the agreed names is empty."""
    rest = {one.name: "" for one in table.columns if not one.nullable and one.name not in row}
    connection.execute(sa.insert(table).values(**rest | row))


def set_case(hub: Hub, case_id: int, **values: str) -> None:
    with writing(hub.engine) as connection:
        table = tables(connection)["hub_case"]
        connection.execute(sa.update(table).where(table.c.case_id == case_id).values(values))


def tables(connection: sa.Connection) -> Mapping[str, sa.Table]:
    """hub_case and hub_case_party: the declared ones, or where those are not there yet tables of the same names."""
    if "hub_case" in metadata.tables:
        return metadata.tables
    made, key = sa.MetaData(), {"primary_key": True}
    names = ("case_no", "client_id", "matter", "state", "operator", "window", "opened_at")
    sa.Table("hub_case", made, sa.Column("case_id", BIG, **key), *(sa.Column(name, TEXT) for name in names))
    cells = (sa.Column(name, sa.LargeBinary) for name in ("number_bi", "payload"))
    sa.Table("hub_case_party", made, sa.Column("case_id", BIG, **key), sa.Column("party", TEXT, **key), *cells)
    made.create_all(connection)
    return made.tables


@dataclass(frozen=True)
class Casework:
    """A client with its key, its grants by type, and an open case."""

    hub: Hub
    client: Client
    key: Key
    grants: Mapping[str, UseGrant]
    case_id: int

    @property
    def principal(self) -> Principal:
        with self.hub.engine.connect() as connection:
            epoch, _client = find(connection, self.client.client_id)
        scopes, types = frozenset(self.client.scopes), frozenset(self.client.types)
        return Principal(self.client.client_id, scopes, types, epoch=epoch)

    def wanted(self, type_id: str = ASKED, **changes: object) -> Wanted:
        return replace(Wanted(self.case_id, PARTY, type_id, OPERATOR), **changes)

    def examine(self, type_id: str, subject: str = NUMBER, **changes: object) -> Basis | Denied:
        asked = {"client_id": self.client.client_id, "case_id": self.case_id, "operator": OPERATOR, "purpose": MATTER}
        with writing(self.hub.engine) as connection:
            return examine(connection, self.hub, type_id=type_id, subject=subject, **asked | changes)


def casework(hub: Hub) -> Casework:
    key = Key()
    client = register(hub, "acceptance", key.jwk, SCOPES, [ON_DUTY, ASKED], "11990000000000002K")
    until = (hub.now() + timedelta(days=30)).date()
    made = {one: give(hub, client.client_id, one, MATTER, until, DOCUMENT, "test") for one in (ON_DUTY, ASKED)}
    return Casework(hub, client, key, made, open_case(hub, client.client_id))
