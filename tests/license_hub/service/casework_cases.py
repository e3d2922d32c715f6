"""Cases for the tests of what is done on them: a client, its cases, decisions by material."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

from catalogs.matter import PUBLISHED, CheckWay, FormField, LicenseWay, Material, Matter, PromiseWay, ShareWay
from catalogs.model import Catalog
from license_hub.service.authenticate import Principal
from license_hub.service.close_case import close_case
from license_hub.service.decide_case import Asked, Made, decide_case
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.keep_grants import give
from license_hub.service.material_facts import wanted_by_form, wanted_by_materials
from license_hub.service.open_case import Applicant, Opening, open_case
from license_hub.service.register_client import SCOPES, register
from license_hub.storage.idempotency import call_of
from tests.license_hub.caller import Key

from .publishing import Publisher, credit_code, entity, permit, person

_numbers = count(1)


def matter(materials: tuple[Material, ...], form: tuple[FormField, ...] = (), name: str = "test_matter") -> Matter:
    return Matter(
        id=name, code="999131009999", task_code="1" * 31, title="样例事项", department="province_market", level="4",
        audience=("organisation",), areas=(), parties={"applicant": "申请人", "legal_rep": "法定代表人"}, version="1", since="2026-11-21",
        state=PUBLISHED, reviews=(), materials=materials, form=form, bundle=None, source="test",
    )  # fmt: skip


def material(code: str, *ways, consent: str = "duty", channel: str = "20", party: str = "applicant") -> Material:
    return Material(code, f"材料{code}", channel, "1", "原件", party, "province_market", consent, ways)


SHOP = LicenseWay(("business_license",), ("名称", "住所"), "B")
PERMIT = LicenseWay(("food_permit",), ("许可证编号",), "B", 30, ("9901",))
LISTED = ShareWay("legal_entity", "credit_code", ("name",), {"status": ("1",)})
TEST = matter(
    (
        material("shop", SHOP),
        material("permit", PERMIT, CheckWay("province_market", 2)),
        material("listed", LISTED),
        material("asked", LicenseWay(("real_estate_title",), ("坐落",), "B"), PromiseWay("t", "l", 10), consent="holder"),
        material("own", channel="10"),
    )
)


def with_matters(catalog: Catalog, *matters: Matter) -> Catalog:
    return replace(catalog, matters=dict(catalog.matters) | {one.id: one for one in matters})


@dataclass
class Counter:
    """A client of the acceptance platform."""

    hub: Hub
    principal: Principal = field(init=False)
    granted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        client = register(self.hub, "acceptance", Key().jwk, SCOPES, sorted(self.hub.catalog.license_types), credit_code(2, "11"))
        kid = self.hub.keyring.signer("token").kid
        self.principal = Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), organ=client.organ, kid=kid)

    def grant(self, matter_id: str) -> None:
        """Use grants for all the matter may look at."""
        if matter_id in self.granted:
            return
        self.granted.add(matter_id)
        known, until = self.hub.catalog.matters[matter_id], (self.hub.now() + timedelta(days=30)).date()
        wanted = [asked(known) for asked in (wanted_by_materials, wanted_by_form)]
        for of in sorted({place[1] for one in wanted for place in one.types | one.shares}):
            give(self.hub, self.principal.client_id, of, matter_id, until, "样例政数〔2026〕1号", "test")

    def acting_for(self, department: str) -> Principal:
        """Another client, of that department."""
        organ = self.hub.catalog.departments[department].credit_code
        client = register(self.hub, department, Key().jwk, ["case:check"], ["food_permit"], organ)
        return Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), organ=organ, kid=self.principal.kid)

    def open(self, matter_id: str, **numbers: str) -> int:
        """A case about those numbers, by party."""
        self.grant(matter_id)
        number = next(_numbers)
        who = [Applicant(party, f"样例{party}", one) for party, one in numbers.items()]
        asked = Opening(f"C-{number}", matter_id, who, "窗口07", "7", "990101", "990101")
        told, _ = open_case(self.hub, asked, principal=self.principal, request_id="r" * 32, once=self.once())
        return int(told["case_id"])

    def close(self, case_id: int) -> None:
        close_case(self.hub, case_id, "done", principal=self.principal, request_id="r" * 32, once=self.once())

    def decide(self, case_id: int) -> Made:
        return decide_case(self.hub, Asked(case_id, self.principal, "r" * 32))

    def once(self):
        return call_of(self.hub.crypt, self.principal.client_id, "POST /v1/cases", f"key-{next(_numbers):08d}", b"")


def filled_counter(hub: Hub, publisher: Publisher) -> Counter:
    """A counter, and licenses: companies 0 to 3, a food permit of company 1, two persons."""
    publisher.publish("legal_entity", [entity(i) for i in range(4)])
    publisher.publish("food_permit", [permit(1)])
    publisher.publish("population", [person(1, life_status="1"), person(2, life_status="2")])
    apply_pending(hub)
    return Counter(hub)


def by_material(made: Made) -> dict[str, dict]:
    return {one["material"]: one for one in made.told["materials"]}
