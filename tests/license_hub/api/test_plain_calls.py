"""Plain verifications skip FastAPI's solver; everything else is told apart exactly as FastAPI tells it."""

from __future__ import annotations

import json
import time

import pytest
import sqlalchemy as sa

from license_hub.api.build import build
from license_hub.api.verifications import PLAIN
from license_hub.service.issue_token import issue_token
from license_hub.service.register_client import register
from license_hub.storage.tables import audit
from tests.license_hub.caller import Key, send, token_form
from tests.license_hub.sample_hub import credit_code, sample_hub, wall_clock

ASKED = {"type": "business_license", "number": credit_code(2000), "holder_number": credit_code(2000)}


@pytest.fixture(scope="module")
def serving(tmp_path_factory, catalog):
    hub = sample_hub(tmp_path_factory.mktemp("plain"), catalog, clock=wall_clock)
    key = Key()
    client = register(hub, "plain", key.jwk, ["license:verify"], ["business_license"])
    form = token_form(key.assertion(client.client_id, hub.public_url, time.time()))
    yield hub, build(hub), issue_token(hub, form, audiences=[hub.public_url]).access_token
    hub.close()


def ask(serving, body: str, token: str | None = None, kind: str = "application/json", path: str = "/v1/verifications"):
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token or serving[2]}"}
    return send(serving[1], "POST", path, content=body.encode(), headers=headers)


def told(answer) -> dict:
    return {name: value for name, value in answer.json().items() if name != "request_id"}


def test_plain_and_thorough_calls_get_the_same_answer(serving):
    plain, thorough = ask(serving, json.dumps(ASKED)), ask(serving, json.dumps(ASKED), kind="application/json; charset=utf-8")
    assert plain.status_code == thorough.status_code == 200
    assert told(plain) == told(thorough) and plain.json()["code"] == "IN_FORCE"


@pytest.mark.parametrize(
    "change", [{"number": None}, {"purpose": "a\u202eb"}, {"extra": "1"}, {"claims": {"x": 1}}, {"type": "UPPER"}, {"number": 7}]
)
def test_invalid_body_is_refused_as_fastapi_refuses_it(serving, change):
    body = json.dumps(ASKED | change)
    plain, thorough = ask(serving, body), ask(serving, body, kind="application/json; charset=utf-8")
    assert plain.status_code == thorough.status_code == 400
    assert told(plain) == told(thorough)


def test_call_without_a_good_token_is_refused_and_audited_once(serving):
    def refusals() -> int:
        with serving[0].engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).where(audit.c.status == "REFUSED")).scalar_one()

    before = refusals()
    answer = ask(serving, json.dumps({"nonsense": 1}), token="a.b.c")
    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
    assert refusals() == before + 1


def test_query_of_a_past_moment_is_not_overlooked(serving):
    answer = ask(serving, json.dumps(ASKED), path="/v1/verifications?known_at=2020-01-01T00:00:00Z")
    assert answer.json()["known_at"] == "2020-01-01T00:00:00Z"


def test_plain_call_is_a_route_of_the_application_and_is_answered_without_it(serving, monkeypatch):
    app = serving[1]._app
    assert any(one.path == PLAIN.path and PLAIN.method in one.methods for one in app.routes if hasattr(one, "methods"))

    async def unreachable(*_given):
        raise AssertionError("a plain call came to FastAPI")

    monkeypatch.setattr(serving[1], "_app", type("Bare", (), {"state": app.state, "__call__": staticmethod(unreachable)})())
    assert ask(serving, json.dumps(ASKED)).json()["code"] == "IN_FORCE"
