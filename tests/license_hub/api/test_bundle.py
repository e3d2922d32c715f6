"""`GET /v1/licenses/{identifier}/bundle`: what a holder carries away verifies offline; who may hand it out, and that it is recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.log import checkpoint
from license_hub.log.tree import leaf_hash
from license_hub.service.erase import Ground, erase_license
from license_hub.service.list_audit import list_audit
from license_hub.service.publish_status import publish
from license_hub.service.register_client import register
from license_hub.signing import reference
from license_hub.signing.bundle import Trust, read, verify_bundle
from license_hub.storage.tables import audit, version
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import STATUSES, credit_code, identifier_of, identifiers, opened_case, principal_of
from tests.license_hub.service.intruder import tampered

PURPOSE = {"Hub-Purpose": "%E5%8F%91%E7%BB%99%E6%8C%81%E8%AF%81%E4%B8%BB%E4%BD%93", "Hub-Case-No": "990101-2026-000002"}
NUMBER = credit_code(2002)


@pytest.fixture
def exporter(scene):
    """Sends as a client that may hand bundles out."""
    key = Key()
    client = register(scene.hub, "holder's app", key.jwk, ["license:export"], ["business_license"])
    opened_case(scene.hub, principal_of(scene.hub, client), "990101-2026-000002", NUMBER)

    def get(path: str, headers=PURPOSE, **rest):
        form = token_form(key.assertion(client.client_id, scene.hub.public_url, scene.clock().timestamp()))
        token = scene.send("POST", "/oauth/token", data=form).json()["access_token"]
        return scene.send("GET", path, headers={"Authorization": f"Bearer {token}", **headers}, **rest)

    return get


def trust(hub) -> Trust:
    keys = [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint")]
    organs = {role.removeprefix("organ/"): hub.keyring.public_keys(role) for role in hub.keyring.roles() if role.startswith("organ/")}
    return Trust(hub.origin, checkpoint.keys(hub.origin, keys), organs, status_keys=hub.keyring.public_keys("status"))


def test_bundle_of_a_license_verifies_offline_and_is_audited(scene, exporter):
    identifier = identifier_of(scene.hub, NUMBER)
    answer = exporter(f"/v1/licenses/{identifier}/bundle")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    bundle = read(answer.content)
    report = verify_bundle(bundle, trust(scene.hub), scene.clock() + timedelta(days=1))
    assert report.failed == () and bundle.identifier == identifier and bundle.hidden == ()
    with scene.hub.engine.connect() as connection:
        last = connection.execute(sa.select(audit).order_by(audit.c.seq.desc()).limit(1)).one()
    assert (last.action, last.code, last.case_no, last.entry) == ("export", "EXPORTED", "990101-2026-000002", bundle.proof.index)


def test_bundle_and_its_status_list_tell_offline_what_the_hub_says(own_scene):
    """Over HTTP alone: the bundle while it is in force and one that was revoked, with the list of the address each names."""
    scene, key = own_scene, Key()
    client = register(scene.hub, "holder's app", key.jwk, ["license:export"], ["business_license"])
    revoked = 1000 + list(STATUSES).index("REVOKED")
    opened_case(scene.hub, principal_of(scene.hub, client), "990101-2026-000002", credit_code(2003), credit_code(revoked))
    form = token_form(key.assertion(client.client_id, scene.hub.public_url, scene.clock().timestamp()))
    bearer = {"Authorization": f"Bearer {scene.send('POST', '/oauth/token', data=form).json()['access_token']}"}
    publish(scene.hub)
    for number, status in ((2003, "VALID"), (revoked, "INVALID")):
        path = f"/v1/licenses/{identifier_of(scene.hub, credit_code(number))}/bundle"
        bundle = read(scene.send("GET", path, headers=bearer | PURPOSE).content)
        place = reference.read(bundle.status, leaf_hash(bundle.leaf), scene.hub.keyring.public_keys("status"))
        listed = scene.send("GET", place.uri.removeprefix(scene.hub.public_url)).text
        report = verify_bundle(bundle, trust(scene.hub), scene.clock(), status_list=listed)
        assert report.good and (report.standing.status, report.standing.age_s) == (status, 0)
        late = verify_bundle(bundle, trust(scene.hub), scene.clock() + timedelta(hours=12), status_list=listed)
        assert (late.standing.status, late.standing.because, late.standing.age_s) == ("UNDETERMINED", "LIST_STALE", 12 * 3600)


def test_bundle_shows_only_the_fields_asked_for(scene, exporter):
    identifier = identifier_of(scene.hub, NUMBER)
    bundle = read(exporter(f"/v1/licenses/{identifier}/bundle?show=ZZMC").content)
    assert set(bundle.fields) == {"ZZMC", "ZZBS"} and bundle.hidden
    assert verify_bundle(bundle, trust(scene.hub), scene.clock()).good
    assert exporter(f"/v1/licenses/{identifier}/bundle?show=NOSUCH").status_code == 400


def test_bundle_needs_purpose_scope_and_a_license_of_a_granted_type(scene, exporter):
    identifier = identifier_of(scene.hub, NUMBER)
    assert exporter(f"/v1/licenses/{identifier}/bundle", headers={}).status_code == 400
    for unknown in ("1.2.156", identifier[:-1] + ("0" if identifier[-1] != "0" else "1"), credit_code(1)):
        assert exporter(f"/v1/licenses/{unknown}/bundle").status_code == 404
    assert scene.send("GET", f"/v1/licenses/{identifier}/bundle", headers=scene.bearer("license:read") | PURPOSE).status_code == 403


@pytest.mark.parametrize("changes", [{"recorded_at": "2020-01-01T00:00:00Z"}, {"payload": b"\x00" * 40}, {"payload": b""}], ids=str)
def test_t6_no_bundle_is_made_of_a_row_that_is_not_what_was_logged(scene, exporter, changes):
    identifier = identifier_of(scene.hub, NUMBER)
    with tampered(scene.hub, version, changes, {"entry": 7}):
        answer = exporter(f"/v1/licenses/{identifier}/bundle")
    assert (answer.status_code, answer.json()["code"]) == (409, "PROOF_BAD")
    [entry] = [one for one in list_audit(scene.hub, limit=1000) if one.request_id == answer.headers["x-request-id"]]
    assert (entry.action, entry.status, entry.code) == ("export", "REFUSED", "PROOF_BAD")
    assert exporter(f"/v1/licenses/{identifier}/bundle").status_code == 200


def test_bundle_of_an_erased_license_is_gone(scene, exporter):
    identifier = identifiers(scene.hub)[8]
    erase_license(scene.hub, identifier, Ground("CONSENT_WITHDRAWN", "1", credit_code(2, "11")), "officer")
    answer = exporter(f"/v1/licenses/{identifier}/bundle")
    assert (answer.status_code, answer.json()["code"]) == (410, "ERASED")
