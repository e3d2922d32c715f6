"""A populated hub and its application, shared by the route tests of this folder; each test that changes something makes its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from license_hub.api.build import build
from license_hub.service.authenticate import Principal
from license_hub.service.hub import Hub
from license_hub.service.present import Show, present
from license_hub.service.register_client import SCOPES, register
from license_hub.storage.tables import audit
from license_hub.web import pages
from tests.license_hub.caller import Key, send, token_form
from tests.license_hub.sample_hub import Clock, credit_code, identifier_of, opened_case, sample_hub

CASE_NO = "990101-2026-000031"
"""Of a case every scene's client has open."""


@dataclass
class Scene:
    """A hub, its application, its clock, and one client with every scope, acting for the organ that issued the sample licenses."""

    hub: Hub
    app: object
    clock: Clock
    key: Key
    client_id: str
    code: str = ""
    """One a holder shows, where a test made it beforehand."""

    def send(self, method: str, path: str, **rest):
        return send(self.app, method, path, **rest)

    def assertion(self, **changes: object) -> str:
        audience = str(changes.pop("audience", self.hub.public_url))
        return self.key.assertion(self.client_id, audience, self.clock().timestamp(), **changes)

    def token(self, scope: str = "") -> str:
        answer = self.send("POST", "/oauth/token", data=token_form(self.assertion(), scope))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def bearer(self, scope: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(scope)}"}

    def verify(self, **asked: object):
        return self.send("POST", "/v1/verifications", json=asked, headers=self.bearer())


def scene_at(folder, catalog, database_url=None) -> Scene:
    clock = Clock()
    hub = sample_hub(folder, catalog, database_url, clock)
    key = Key()
    client = register(hub, "test system", key.jwk, SCOPES, sorted(catalog.license_types), credit_code(2, "11"))
    kid = hub.keyring.signer("token").kid
    opened_case(hub, Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), organ=client.organ, kid=kid), CASE_NO)
    return Scene(hub, build(hub, pages.routers(), pages.problem_page), clock, key, client.client_id)


def shown(hub: Hub, number: int) -> str:
    """The code the holder of that sample license shows."""
    code = credit_code(number)
    [made] = present(hub, [Show(identifier_of(hub, code), code, "holder:1")])
    return made.text


def audited(hub, action: str) -> list[sa.Row]:
    """The audit log's entries of that action, oldest first."""
    with hub.engine.connect() as connection:
        return list(connection.execute(sa.select(audit).where(audit.c.action == action).order_by(audit.c.seq)))


@pytest.fixture(scope="module")
def scene(tmp_path_factory, catalog) -> Iterator[Scene]:
    made = scene_at(tmp_path_factory.mktemp("scene"), catalog)
    yield made
    made.hub.close()


@pytest.fixture
def own_scene(tmp_path, catalog, database_url) -> Iterator[Scene]:
    """A fresh one on either database, for tests that break something."""
    made = scene_at(tmp_path, catalog, database_url)
    yield made
    made.hub.close()
