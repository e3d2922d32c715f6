"""A scene for the facade: a client that may have plain tokens, with its grants and an open case of sample company 2001."""

from __future__ import annotations

from dataclasses import dataclass, replace

from license_hub.service.client_secrets import allow_plain, new_secret
from license_hub.service.hub import Hub
from license_hub.service.register_client import SCOPES, register
from tests.license_hub.api.conftest import CASE_NO, PARTIES, Scene, scene_at
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code, identifier_of

TYPE = "business_license"
HOLDER = credit_code(2001)
CAUSE = f"{CASE_NO} 食品经营许可"
SERVICES = (
    "zzjs", "zzcx", "zzysj", "downloadUrlsByHolderCode", "zzdzxz", "downloadCertFile", "verifyCertInfo", "verifyFile", "getDateByQRcode",
    "certRemark",
)  # fmt: skip
DOCUMENT = "样例政数〔2026〕2号"


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
        """Data of verifyCertInfo about that sample company; `more` replaces claims."""
        claims = {"holder": f"样例第{int(number[8:16])}号贸易有限公司", "holderCode": number, "certNo": number}
        return {"certTypeCode": self.type_code, "certData": claims | more}

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


def facade_at(folder, catalog, database_url=None) -> Facade:
    return entered(scene_at(folder, catalog, database_url))


def entered(scene: Scene) -> Facade:
    """Its client with a secret and a token."""
    allow_plain(scene.hub, scene.client_id, DOCUMENT, "test")
    made = Facade(scene, new_secret(scene.hub, scene.client_id, "test"), client_id=scene.client_id)
    made.token = made.enter().json()["data"]["accessToken"]
    return made


def another(facade: Facade) -> Facade:
    """Another client of the same hub, with a key, grants and a case of its own."""
    key, hub = Key(), facade.hub
    client = register(hub, "another", key.jwk, SCOPES, sorted(hub.catalog.license_types), credit_code(2, "11"))
    scene = replace(facade.scene, key=key, client_id=client.client_id)
    scene.open_case(CASE_NO, *PARTIES)
    return entered(scene)
