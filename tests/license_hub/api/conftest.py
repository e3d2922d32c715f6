"""A populated hub and its application, shared by the route tests of this folder; each test that changes something makes its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from license_hub.api.build import build
from license_hub.service.hub import Hub
from license_hub.service.present import Show, present
from license_hub.service.register_client import SCOPES, clients, register
from license_hub.storage.tables import audit
from license_hub.web import pages
from tests.license_hub.caller import Key, send, token_form
from tests.license_hub.sample_hub import Clock, credit_code, identifier_of, opened_case, principal_of, sample_hub

CASE_NO = "990101-2026-000031"
"""Of a case every scene's client has open."""
PARTIES = (2001, 2003, 2000)
"""Numbers of the sample companies it is about."""


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

    def open_case(self, case_no: str, *numbers: int) -> str:
        """A case about those sample companies; its number."""
        found = next(one for one in clients(self.hub) if one.client_id == self.client_id)
        opened_case(self.hub, principal_of(self.hub, found), case_no, *map(credit_code, numbers))
        return case_no

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
    scene = Scene(hub, build(hub, pages.routers(), pages.problem_page), clock, key, client.client_id)
    scene.open_case(CASE_NO, *PARTIES)
    return scene


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
