"""A token that is remembered for a moment has no effect once its client, scopes or organ changed: the effect's transaction asks."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from license_hub.service import security
from license_hub.service.register_client import disable
from license_hub.storage import epoch
from license_hub.storage.tables import client, leaf
from license_hub.storage.tables_lifecycle import idempotency
from license_hub.storage.tables_recall import notice, recall
from tests.license_hub.sample_hub import company, credit_code, identifiers

RECALL = {"kind": "publication", "value": "legal_entity/1", "reason": "test"}
ACT = {"act": "REVOKE", "document_no": "1", "date": "2026-11-20", "reason": "PENALTY"}


def effects(scene) -> list[object]:
    counted = [sa.select(sa.func.count()).select_from(table) for table in (leaf, idempotency, recall)]
    with scene.hub.engine.connect() as connection:
        acknowledged = connection.execute(sa.select(sa.func.count(notice.c.acknowledged_at))).scalar_one()
        return [acknowledged, *(connection.execute(one).scalar_one() for one in counted)]


def change(scene, **values: object) -> None:
    with scene.hub.engine.begin() as connection:
        connection.execute(sa.update(client).where(client.c.client_id == scene.client_id).values(**values))
        epoch.bump(connection)


CHANGES = {
    "disabled": lambda scene: disable(scene.hub, scene.client_id),
    "fewer scopes": lambda scene: change(scene, scopes="license:verify"),
    "fewer types": lambda scene: change(scene, types="food_permit"),
    "another organ": lambda scene: change(scene, organ=credit_code(3, "11")),
}


@pytest.mark.parametrize("made", CHANGES)
def test_t4_remembered_token_has_no_effect_after_its_client_changed(own_scene, monkeypatch, made):
    scene, identifier = own_scene, identifiers(own_scene.hub)[7]
    assert scene.verify(identifier=identifier).status_code == 200
    bearer = scene.bearer()
    assert scene.send("POST", "/v1/recalls", json=RECALL, headers=bearer).json()["notices"] == 1
    [mine] = scene.send("GET", "/v1/notices", headers=bearer).json()["notices"]
    # As if all of it happened within the half second for which this process relies on its last look.
    monkeypatch.setattr(security, "FRESH_S", 1e9)
    before = effects(scene)
    CHANGES[made](scene)
    calls = (
        ("POST", f"/v1/licenses/{identifier}/status", {"json": ACT}),
        ("POST", "/v1/intake/business_license", {"json": {"row": company(7001)}}),
        ("POST", "/v1/recalls", {"json": RECALL | {"value": "legal_entity/1", "reason": "again"}}),
        ("POST", f"/v1/notices/{mine['notice_id']}/ack", {}),
        ("GET", "/v1/notices", {}),
        ("POST", "/v1/verifications", {"json": {"identifier": identifier}}),
    )
    known = scene.hub.security
    remembered = (known._register, known._seen_at)
    for method, path, sent in calls:
        known._register, known._seen_at = remembered
        answer = scene.send(method, path, headers=bearer | {"Idempotency-Key": "remembered-token"}, **sent)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED"), (path, answer.text)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert effects(scene) == before
