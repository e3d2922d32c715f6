"""What authorising needs of the other parts: a matter, an open case, a client with its grant."""

from __future__ import annotations

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
from license_hub.storage import cases
from license_hub.storage.engine import writing
from license_hub.storage.tables_cases import case
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
        audience=("organisation",), areas=(), parties={"applicant": "申请人"}, version="1", since="2026-11-21", state=PUBLISHED, reviews=(),
        materials=materials, form=(),
        bundle=None, source="test",
    )  # fmt: skip
    return replace(catalog, matters={MATTER: matter})


def open_case(hub: Hub, client_id: str, matter: str = MATTER, state: str = cases.OPEN, number: str = NUMBER) -> int:
    """A case of that client, whose applicant has that number. Its id."""
    row = {"case_no": f"C-{next(_numbers)}", "client_id": client_id, "matter": matter, "matter_version": "1", "state": state,
           "operator": OPERATOR, "window": "7", "received_in": "990101", "handled_in": "990101",
           "opened_at": instant(hub.now())}  # fmt: skip
    with writing(hub.engine) as connection:
        return cases.add(connection, hub.crypt, row, [cases.Party(PARTY, "样例甲", number, "001")], hub.entropy)


def set_case(hub: Hub, case_id: int, **values: str) -> None:
    with writing(hub.engine) as connection:
        connection.execute(sa.update(case).where(case.c.case_id == case_id).values(values))


@dataclass(frozen=True)
class Casework:
    """A client with its key, its grants by type, and an open case."""

    hub: Hub
    client: Client
    key: Key
    grants: Mapping[str, UseGrant]
    case_id: int

    @property
    def case_no(self) -> str:
        with self.hub.engine.connect() as connection:
            return connection.scalar(sa.select(case.c.case_no).where(case.c.case_id == self.case_id))

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
