"""Who may use the facade: secrets, plain tokens, grants, test keys, budgets; and nothing of it where it cannot be recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.api.build import build
from license_hub.domain.budget import of_quotas
from license_hub.errors import AccessError
from license_hub.service.authorize import Denied
from license_hub.service.client_secrets import allow_plain, forbid_plain, new_secret
from license_hub.service.keep_grants import end, grants, suspend
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import disable, register, set_key
from license_hub.storage.tables import client as clients
from tests.license_hub.api.conftest import audited
from tests.license_hub.api.elicense_scene import CAUSE, DOCUMENT, HOLDER, SERVICES, TYPE, another, facade_at
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code


@pytest.fixture(scope="module")
def facade(tmp_path_factory, catalog):
    made = facade_at(tmp_path_factory.mktemp("facade"), catalog)
    yield made
    made.hub.close()


@pytest.fixture
def own(facade):
    """A client of its own for a test that changes one."""
    return another(facade)


def test_facade_works_on_either_database(tmp_path, catalog, database_url):
    made = facade_at(tmp_path, catalog, database_url)
    assert made.ask("zzjs", made.held)[1]["total"] == 1
    assert made.ask("verifyCertInfo", made.claimed(), cause="查验")[1]["result"] == 0
    made.secret = new_secret(made.hub, made.client_id, "test")
    assert (made.ask("zzjs", made.held), status_of(made.enter())) == ((11, None), 0)
    made.hub.close()


def status_of(answer) -> int:
    assert answer.status_code == 200, answer.text
    return answer.json()["head"]["status"]


def recorded(facade, answer) -> tuple[str, str, str]:
    [entry] = [one for one in list_audit(facade.hub, limit=1000) if one.request_id == answer.headers["x-request-id"]]
    return entry.action, entry.actor, entry.code


def test_t11_every_service_refuses_no_token_a_spoilt_one_and_another_s_name(facade):
    spoilt = facade.token[:-1] + ("A" if facade.token[-1] != "A" else "B")
    for service in SERVICES:
        for head in ({"accessToken": ""}, {"accessToken": spoilt}, {"accessToken": "x.y.z"}, {"accessId": "someone"}, {"accessId": ""}):
            answer = facade.send(service, facade.held, **head)
            assert (status_of(answer), answer.json()["data"]) == (11, None), service
            assert recorded(facade, answer)[1:] == ("unknown", "UNAUTHENTICATED")


def test_t4_facade_token_is_none_of_the_api_and_the_api_s_none_of_the_facade(facade):
    bearer = {"Authorization": f"Bearer {facade.token}"}
    for method, path in (("POST", "/v1/verifications"), ("GET", "/v1/notices"), ("GET", f"/v1/licenses/{facade.identifier()}")):
        assert facade.scene.send(method, path, headers=bearer, json={"identifier": facade.identifier()}).status_code == 401
    own = facade.scene.token()
    assert {facade.ask(service, facade.held, accessToken=own) for service in SERVICES} == {(11, None)}


def test_plain_token_lives_ten_minutes(own):
    own.scene.clock.at += timedelta(seconds=599)
    assert own.ask("zzjs", own.held)[0] == 0
    own.scene.clock.at += timedelta(seconds=1)
    assert own.ask("zzjs", own.held) == (11, None)
    assert own.enter().json()["data"]["expiresIn"] == 600
    own.scene.clock.at -= timedelta(seconds=600)


def test_secret_is_shown_once_and_kept_as_argon2(facade):
    with facade.hub.engine.connect() as connection:
        [kept] = connection.execute(sa.select(clients.c.secret).where(clients.c.client_id == facade.client_id)).scalars()
    assert kept.startswith("$argon2id$") and facade.secret not in kept and len(facade.secret) == 43
    assert [(one.code, one.purpose) for one in audited(facade.hub, "client-secret")][:2] == [
        ("ALLOWED", facade.client_id), ("MADE", facade.client_id),
    ]  # fmt: skip


def test_new_secret_makes_the_old_one_and_its_tokens_dead(own):
    former, token = own.secret, own.token
    own.secret = new_secret(own.hub, own.client_id, "test")
    assert status_of(own.enter(former)) == 11
    assert own.ask("zzjs", own.held) == (11, None)
    own.token = own.enter().json()["data"]["accessToken"]
    assert own.token != token and own.ask("zzjs", own.held)[0] == 0


def test_plain_token_is_denied_by_default_and_once_forbidden(own):
    with pytest.raises(AccessError, match="not allowed"):
        new_secret(own.hub, register(own.hub, "other", Key().jwk, ["license:read"], [TYPE]).client_id, "test")
    with pytest.raises(AccessError, match="document"):
        allow_plain(own.hub, own.client_id, " ", "test")
    forbid_plain(own.hub, own.client_id, "test")
    assert (own.ask("zzjs", own.held), status_of(own.enter())) == ((11, None), 11)
    with pytest.raises(AccessError):
        new_secret(own.hub, own.client_id, "test")
    allow_plain(own.hub, own.client_id, DOCUMENT, "test")
    assert status_of(own.enter()) == 11, "a former secret does not come back"


def test_disabled_client_is_out_at_once(own):
    disable(own.hub, own.client_id)
    assert (own.ask("zzjs", own.held), status_of(own.enter())) == ((11, None), 11)
    for call in (lambda: allow_plain(own.hub, own.client_id, DOCUMENT, "test"), lambda: new_secret(own.hub, "nobody", "test")):
        with pytest.raises(AccessError, match="no client"):
            call()


def tight(own, calls: int = 1000, misses: int = 1000):
    """The facade with those quotas."""
    hub = replace(own.hub, budgets=of_quotas(calls, misses, 1000))
    return replace(own, scene=replace(own.scene, hub=hub, app=build(hub, address=lambda _request: "192.0.2.1")))


def test_wrong_secrets_are_counted_by_address_and_then_refused_unseen(own):
    strict = tight(own, misses=3)
    assert [status_of(strict.enter("wrong", appId=one)) for one in (own.client_id, "nobody", own.client_id)] == [11, 11, 11]
    refused = strict.enter()
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert strict.ask("zzjs", own.held)[0] == 0, "who has a token is no guesser"


def test_t10_misses_of_a_guessing_client_run_out_and_hits_are_refused_alike(own):
    strict = tight(own, misses=3)
    assert [strict.ask("zzjs", own.held | {"holderCode": credit_code(500_000 + one)})[0] for one in range(3)] == [10, 10, 10]
    hit, miss = strict.send("zzjs", own.held), strict.send("zzjs", own.held | {"holderCode": credit_code(500_009)})
    assert (hit.status_code, miss.status_code) == (429, 429)


def test_token_without_id_or_secret_is_told_which(facade):
    for name in ("appId", "appSecret"):
        answer = facade.enter(**{name: ""})
        assert status_of(answer) == 12 and name in answer.json()["head"]["message"]


def test_wrong_secret_is_recorded_with_the_client_it_claims(facade):
    assert recorded(facade, facade.enter("wrong"))[1:] == (f"claimed:{facade.client_id}", "UNAUTHENTICATED")
    assert recorded(facade, facade.enter())[1:] == (facade.client_id, "ISSUED")


def test_use_grant_that_is_suspended_or_ended_refuses_with_its_reason(own):
    [grant] = [one for one in grants(own.hub, own.client_id) if one.type_id == TYPE]
    for act, why in ((suspend, Denied.GRANT_SUSPENDED), (end, Denied.NO_GRANT)):
        act(own.hub, grant.grant_id, "test")
        named = {"certIdentifier": own.identifier()}
        for service, data in (("zzjs", own.held), ("zzcx", named), ("zzdzxz", named)):
            answer = own.send(service, data)
            assert (status_of(answer), recorded(own, answer)[2]) == (100, why)
            assert own.hub.catalog.messages[why].sentence in answer.json()["head"]["message"]
    assert own.ask("verifyCertInfo", own.claimed(), cause="查验")[1]["result"] == 0


def test_type_and_scope_not_granted_are_refused(own):
    narrow = register(own.hub, "narrow", Key().jwk, ["license:verify"], ["food_permit"])
    allow_plain(own.hub, narrow.client_id, DOCUMENT, "test")
    own.client_id, own.secret = narrow.client_id, new_secret(own.hub, narrow.client_id, "test")
    own.token = own.enter().json()["data"]["accessToken"]
    assert own.ask("verifyCertInfo", own.claimed(), cause="查验") == (100, None)
    assert {own.ask(service, own.held)[0] for service in SERVICES if not service.startswith("verify")} == {2}


def test_t11_facade_of_a_test_key_reaches_sample_data_alone(own):
    test = set_key(own.hub, own.client_id, Key().jwk, test=True)
    allow_plain(own.hub, test.client_id, DOCUMENT, "test")
    live = "91110000000000072R"
    own.client_id, own.secret = test.client_id, new_secret(own.hub, test.client_id, "test")
    own.token = own.enter().json()["data"]["accessToken"]
    assert own.ask("verifyCertInfo", own.claimed(), cause="查验")[1]["result"] == 0
    assert own.ask("verifyCertInfo", own.claimed(holderCode=live), cause="查验") == (100, None)
    assert own.ask("zzjs", own.held) == (100, None), "cases and grants of the live client are not the test client's"
    assert audited(own.hub, "verify")[-1].actor == test.client_id == f"test-{own.scene.client_id}"


def test_budget_of_calls_holds_on_the_facade_and_is_told(own):
    strict = tight(own, calls=2)
    answers = [strict.send("certRemark", {"certTypeCode": own.type_code}) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert "r=1" in answers[0].headers["ratelimit"] and answers[2].json()["code"] == "RATE_LIMITED"


def test_t24_where_nothing_can_be_recorded_nothing_is_answered(tmp_path, catalog):
    own = facade_at(tmp_path, catalog)
    with own.hub.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE hub_audit RENAME TO hub_away"))
    file = {"contentType": "base64", "content": "JVBERi0xLjc="}
    for service in ("zzjs", "zzcx", "zzysj", "downloadUrlsByHolderCode", "zzdzxz", "downloadCertFile", "verifyCertInfo", "verifyFile"):
        data = own.claimed() | own.held | {"certIdentifier": own.identifier()} | file
        answer = own.send(service, data)
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE"), service
        assert own.send(service, data, accessToken="x").status_code == 503
    assert own.enter().status_code == 503
    own.hub.close()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"data":1}', b'{"head":{"accessId":[]},"data":{}}', b'{"head":{},"data":{"useCause":7}}']
)
def test_body_that_is_no_such_call_is_a_problem(facade, body):
    for service in SERVICES:
        answer = facade.scene.send("POST", f"/elicense/v1/{service}", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_t30_nothing_personal_is_in_the_log_line(facade, caplog):
    with caplog.at_level("INFO", logger="hub.http"):
        facade.ask("zzjs", facade.held)
        facade.ask("zzcx", {"certIdentifier": facade.identifier()})
    text = " ".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records)
    assert "/elicense/v1/zzjs" in text
    assert not [one for one in (HOLDER, facade.identifier(), CAUSE, facade.token, credit_code(2001)) if one in text]
