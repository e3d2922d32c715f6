"""A scene for the facade: a client that may have plain tokens, its grant, and an open case of sample company 2001."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from catalogs.matter import DUTY, PUBLISHED, Matter
from catalogs.model import Catalog
from license_hub.service.authenticate import Principal
from license_hub.service.client_secrets import allow_plain, new_secret
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import give
from license_hub.service.open_case import Applicant, Opening, open_case
from license_hub.service.register_client import find
from license_hub.storage.idempotency import call_of
from tests.license_hub.api.conftest import CASE_NO, Scene, scene_at
from tests.license_hub.sample_hub import credit_code, identifier_of
from tests.license_hub.service.casework import material

TYPE = "business_license"
MATTER = "food_permit_new"
HOLDER = credit_code(2001)
CAUSE = f"{CASE_NO} 食品经营许可"


def by_duty(catalog: Catalog) -> Catalog:
    """The catalogue with one matter, which uses business licenses by duty."""
    matter = Matter(
        id=MATTER, code="0" * 12, task_code="0" * 31, title="食品经营许可新办", department="market", level="4", audience=("organisation",),
        areas=(), parties={"applicant": "申请人"}, version="1", since="2026-11-21", state=PUBLISHED, reviews=(),
        materials=(material("m1", TYPE, DUTY),), form=(), bundle=None, source="test",
    )  # fmt: skip
    return replace(catalog, matters={MATTER: matter})


@dataclass
class Facade:
    scene: Scene
    secret: str
    token: str = ""
    client_id: str = ""

    @property
    def hub(self) -> Hub:
        return self.scene.hub

    @property
    def type_code(self) -> str:
        return self.hub.catalog.license_types[TYPE].type_code

    @property
    def held(self) -> dict[str, str]:
        return {"holderCode": HOLDER, "holderTypeCode": "001", "certTypeCode": self.type_code}

    def claimed(self, number: str = HOLDER, **more: str) -> dict[str, object]:
        return {"certTypeCode": self.type_code, "certData": {"holder": f"样例第{int(number[8:16])}号贸易有限公司", "holderCode": number,
                                                             "certNo": number} | more}  # fmt: skip

    def identifier(self, number: str = HOLDER) -> str:
        return identifier_of(self.hub, number)

    def enter(self, secret: str = "", **given: str):
        data = {"appId": self.client_id, "appSecret": secret or self.secret} | given
        return self.scene.send("POST", "/elicense/v1/token", json={"data": data})

    def send(self, service: str, data: dict[str, object] | None = None, *, cause: str = CAUSE, **head: str):
        head = {"accessId": self.client_id, "accessToken": self.token} | head
        return self.scene.send("POST", f"/elicense/v1/{service}", json={"head": head, "data": {"useCause": cause} | (data or {})})

    def ask(self, service: str, data: dict[str, object] | None = None, **more: str) -> tuple[int, object]:
        """(status of the head, data)."""
        answer = self.send(service, data, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["head"]["status"], answer.json()["data"]

    def open_case(self, case_no: str, number: str) -> None:
        with self.hub.engine.connect() as connection:
            epoch, client = find(connection, self.client_id)
        principal = Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), epoch=epoch)
        asked = Opening(case_no, MATTER, [Applicant("applicant", "样例", number)], "窗口07", "7", "990101", "990101")
        once = call_of(self.hub.crypt, client.client_id, "POST /v1/cases", case_no, b"")
        open_case(self.hub, asked, principal=principal, request_id="c" * 32, once=once)


def facade_at(folder, catalog, database_url=None) -> Facade:
    scene = scene_at(folder, by_duty(catalog), database_url)
    allow_plain(scene.hub, scene.client_id, "样例政数〔2026〕2号", "test")
    made = Facade(scene, new_secret(scene.hub, scene.client_id, "test"), client_id=scene.client_id)
    give(scene.hub, scene.client_id, TYPE, MATTER, (scene.clock() + timedelta(days=30)).date(), "样例政数〔2026〕1号", "test")
    made.token = made.enter().json()["data"]["accessToken"]
    return made
