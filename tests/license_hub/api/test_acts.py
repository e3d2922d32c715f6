"""Notices of acts over the API: organ bound to the client, an answer once and for all under its key, proof pending or waited for."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from license_hub.service.fsck import fsck
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import register
from license_hub.storage import tables
from license_hub.storage.tables_lifecycle import idempotency
from tests.license_hub.api.conftest import scene_at
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of

REVOKE = {"act": "REVOKE", "document_no": "样市监罚〔2026〕7号", "date": "2026-11-20", "reason": "PENALTY"}


@pytest.fixture
def fresh_scene(tmp_path, catalog):
    """A hub of its own, on SQLite."""
    made = scene_at(tmp_path, catalog)
    yield made
    made.hub.close()


def path_of(scene, number: int) -> str:
    return f"/v1/licenses/{identifier_of(scene.hub, credit_code(number))}/status"


def notify(scene, number: int, *, key: str | None = None, headers=None, query: str = "", **changes):
    sent = scene.bearer() | {"Idempotency-Key": key or uuid4().hex} | (headers or {})
    return scene.send("POST", path_of(scene, number) + query, json=REVOKE | changes, headers=sent)


def events(scene) -> int:
    with scene.hub.engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(tables.status)).scalar_one()


def test_notice_revokes_and_is_audited_and_the_next_answer_is_invalid(own_scene):
    asked = {"identifier": identifier_of(own_scene.hub, credit_code(2000))}
    assert own_scene.verify(**asked).json()["status"] == "VALID"
    answer = notify(own_scene, 2000)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["proof"]) == ("REVOKED", "pending")
    assert answer.headers["hub-worker"].isdigit()
    assert own_scene.verify(**asked).json()["code"] == "REVOKED"
    [entry] = list_audit(own_scene.hub, action="status")
    assert (entry.actor, entry.status, entry.code) == (own_scene.client_id, "REVOKED", "REVOKE")
    with own_scene.hub.engine.connect() as connection:
        row = connection.execute(sa.select(tables.status)).one()
    assert (row.document_no, row.organ_code, row.effective_on, row.reason) == (
        REVOKE["document_no"],
        credit_code(2, "11"),
        "2026-11-20",
        "PENALTY",
    )
    assert fsck(own_scene.hub).findings == ()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"document_no": ""}, 400, "INVALID_REQUEST"),
        ({"document_no": "第1号\n伪造"}, 400, "INVALID_REQUEST"),
        ({"date": "2026-11-22"}, 400, "INVALID_REQUEST"),
        ({"date": "1900-01-01"}, 400, "INVALID_REQUEST"),
        ({"reason": "MOVED"}, 400, "INVALID_REQUEST"),
        ({"act": "SOURCE_STOPPED"}, 409, "ACT_REFUSED"),
        ({"act": "RESTORE", "reason": "GROUND_GONE"}, 409, "ACT_REFUSED"),
        ({"organ": "11990100000000002X"}, 400, "INVALID_REQUEST"),
    ],
)
def test_notice_that_is_incomplete_wrong_or_impossible_is_refused(scene, changes, status, code):
    before = events(scene)
    answer = notify(scene, 2001, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert events(scene) == before


def test_notice_without_a_key_is_refused(scene):
    answer = notify(scene, 2001, headers={"Idempotency-Key": ""})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/headers/Idempotency-Key")


def calls(scene) -> list[sa.Row]:
    """Remembered calls."""
    with scene.hub.engine.connect() as connection:
        return list(connection.execute(sa.select(idempotency)))


def test_notice_repeated_under_its_key_takes_effect_once_and_another_body_is_refused(own_scene):
    before = calls(own_scene)
    first = notify(own_scene, 2002, key="k" * 12)
    again = notify(own_scene, 2002, key="k" * 12)
    assert again.headers["idempotent-replay"] == "true" and "idempotent-replay" not in first.headers
    told = ("identifier", "state", "entry", "leaf_hash", "recorded_at")
    assert [first.json()[name] for name in told] == [again.json()[name] for name in told]
    other = notify(own_scene, 2002, key="k" * 12, document_no="另一号")
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")
    assert events(own_scene) == 1
    # A refusal leaves no trace: once the license is as the notice needs it, the same key is good.
    assert notify(own_scene, 2002, key="r" * 12, act="RESTORE", reason="GROUND_GONE").status_code == 409
    [row] = set(calls(own_scene)) - set(before)
    assert REVOKE["document_no"].encode() not in bytes(row.answer) and b"REVOKED" not in bytes(row.answer)


def test_key_is_good_for_other_licenses_and_after_72_hours(fresh_scene):
    assert notify(fresh_scene, 2003, key="shared-key").status_code == 200
    assert notify(fresh_scene, 2004, key="shared-key").status_code == 200
    fresh_scene.clock.at = fresh_scene.clock.at.replace(day=25)
    late = notify(fresh_scene, 2003, key="shared-key")
    assert (late.status_code, late.json()["code"]) == (409, "ACT_REFUSED")


def test_notices_of_one_key_at_once_take_effect_once(own_scene):
    bearer = own_scene.bearer() | {"Idempotency-Key": "at-the-same-time"}

    async def together():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(own_scene.app), base_url="http://hub") as client:
            calls = (client.post(path_of(own_scene, 2005), json=REVOKE, headers=bearer) for _ in range(6))
            return await asyncio.gather(*calls)

    answers = asyncio.run(together())
    assert {one.status_code for one in answers} == {200} and len({one.json()["entry"] for one in answers}) == 1
    assert events(own_scene) == 1


def test_t11_notice_for_another_organs_license_or_without_an_organ_is_forbidden(fresh_scene):
    for organ, scopes in ((credit_code(3, "11"), ["license:status"]), (None, ["license:verify"])):
        key, hub = Key(), fresh_scene.hub
        client = register(hub, "another organ", key.jwk, scopes, sorted(hub.catalog.license_types), organ)
        form = token_form(key.assertion(client.client_id, hub.public_url, fresh_scene.clock().timestamp()))
        token = fresh_scene.send("POST", "/oauth/token", data=form).json()["access_token"]
        answer = notify(fresh_scene, 2006, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert events(fresh_scene) == 0


def test_acts_beyond_the_limit_need_approval_and_leave_nothing(fresh_scene):
    for number in range(2000, 2020):
        assert notify(fresh_scene, number, act="SUSPEND", reason="INVESTIGATION").status_code == 200
    answer = notify(fresh_scene, 2000, act="RESTORE", reason="GROUND_GONE")
    assert (answer.status_code, answer.json()["code"]) == (409, "APPROVAL_NEEDED")
    assert events(fresh_scene) == 20
    fresh_scene.clock.at = fresh_scene.clock.at.replace(day=23)
    assert notify(fresh_scene, 2000, act="RESTORE", reason="GROUND_GONE").status_code == 200


def test_proof_is_waited_for_where_asked(fresh_scene):
    fresh_scene.app._app.state.serving.integrating.start()
    answer = notify(fresh_scene, 2007, query="?wait=proof")
    assert answer.json()["proof"] == "logged"
    signed = fresh_scene.send("GET", "/log/checkpoint").text
    assert int(signed.split("\n")[1]) > answer.json()["entry"]
    fresh_scene.app._app.state.serving.integrating.stop()
