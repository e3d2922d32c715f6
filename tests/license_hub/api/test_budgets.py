"""T10 and T29: what a caller may ask, how a refusal says so, and that it says nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from license_hub.api.build import build
from license_hub.domain.budget import of_quotas
from license_hub.service.canaries import plant
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import SCOPES, register
from license_hub.web import pages
from tests.license_hub.api.conftest import Scene, audited, scene_at
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code, identifier_of

TYPE = "business_license"


def own(number: int, holder: int | None = None) -> dict[str, str]:
    code = credit_code(number)
    return {"type": TYPE, "number": code, "holder_number": credit_code(number if holder is None else holder)}


def limited(scene: Scene, calls: int = 1000, misses: int = 1000, subject: int = 1000, types=(TYPE,)) -> Scene:
    """Another process of the same hub with those quotas, and a client of its own."""
    hub = replace(scene.hub, budgets=of_quotas(calls, misses, subject))
    key = Key()
    client = register(hub, "limited", key.jwk, SCOPES, list(types), credit_code(2, "11"))
    return Scene(hub, build(hub, pages.routers(), pages.problem_page), scene.clock, key, client.client_id)


@pytest.fixture(scope="module")
def base(tmp_path_factory, catalog):
    made = scene_at(tmp_path_factory.mktemp("budgets"), catalog)
    yield made
    made.hub.close()


def asks(scene: Scene, headers: dict[str, str], asked: dict[str, str]):
    return scene.send("POST", "/v1/verifications", json=asked, headers=headers)


def test_t29_calls_of_a_client_are_counted_told_and_stopped_and_the_next_window_begins_anew(base):
    scene = limited(base, calls=40)
    headers, left = scene.bearer(), []
    for _ in range(40):
        answer = asks(scene, headers, own(2000))
        assert answer.status_code == 200
        left.append(int(re.fullmatch(r'"calls";r=(\d+);t=\d+', answer.headers["ratelimit"])[1]))
    assert left == list(range(39, -1, -1))
    assert answer.headers["ratelimit-policy"] == '"calls";q=40;w=60, "misses";q=1000;w=3600, "subject";q=1000;w=3600'
    stopped = [asks(scene, headers, own(2000)) for _ in range(3)]
    assert {(one.status_code, one.json()["code"]) for one in stopped} == {(429, "RATE_LIMITED")}
    assert 1 <= int(stopped[0].headers["retry-after"]) <= 60 and '"calls";r=0' in stopped[0].headers["ratelimit"]
    recorded = [one for one in list_audit(scene.hub, limit=1000, action="call") if one.actor == scene.client_id]
    assert len(recorded) == 1
    scene.clock.at = scene.clock.at.replace(minute=(scene.clock.at.minute + 1) % 60)
    assert asks(scene, headers, own(2000)).status_code == 200


def test_t29_two_workers_never_grant_more_calls_than_there_are(base):
    one = limited(base, calls=60)
    two = replace(one, app=build(one.hub, pages.routers(), pages.problem_page))
    headers = one.bearer()
    codes = [asks(worker, headers, own(2000)).status_code for _ in range(60) for worker in (one, two)]
    assert 60 - 60 // 20 <= codes.count(200) <= 60 and codes[-1] == 429


def test_t29_another_client_is_not_stopped_by_it(base):
    greedy, modest = limited(base, calls=20), limited(base, calls=20)
    headers = greedy.bearer()
    while asks(greedy, headers, own(2000)).status_code == 200:
        pass
    assert asks(modest, modest.bearer(), own(2000)).status_code == 200


def same(answer) -> tuple[int, dict, dict]:
    """Status, headers and body after request id, times and what is left of the calls."""
    varying = {"x-request-id", "ratelimit", "content-length"}
    body = {name: one for name, one in answer.json().items() if name not in ("request_id", "as_of")}
    return answer.status_code, {name: one for name, one in answer.headers.items() if name not in varying}, body


def test_t10_unknown_and_foreign_holders_are_answered_byte_identically(base):
    scene = limited(base)
    headers = scene.bearer()
    unknown, foreign = own(777_001), own(2000, holder=2001)
    answers = [asks(scene, headers, one) for one in (unknown, foreign, own(777_002, holder=2000))]
    told = [same(one) for one in answers]
    assert told[0] == told[1] == told[2] and told[0][0] == 200
    lengths = {len(one.content) for one in answers}
    assert len(lengths) == 1
    # A type that is not granted is refused before anything is looked up, and alike.
    granted = limited(base, types=("food_permit",))
    refused = [granted.send("POST", "/v1/verifications", json=one, headers=granted.bearer()) for one in (unknown, foreign, own(2000))]
    assert len({json.dumps(same(one), sort_keys=True) for one in refused}) == 1 and refused[0].status_code == 403


def test_t10_budget_of_misses_stops_a_guesser_and_then_hits_are_refused_alike(base):
    scene = limited(base, misses=5)
    headers = scene.bearer()
    assert [asks(scene, headers, own(778_000 + place)).status_code for place in range(5)] == [200] * 5
    hit, miss = asks(scene, headers, own(2000)), asks(scene, headers, own(778_100))
    assert same(hit) == same(miss) and hit.status_code == 429 and int(hit.headers["retry-after"]) <= 3600
    assert {one.code for one in audited(scene.hub, "verify")[-2:]} == {"RATE_LIMITED"}
    other = limited(base, misses=5)
    assert asks(other, other.bearer(), own(2000)).status_code == 200


def test_t10_guessing_claims_and_past_moments_are_misses_too(base):
    scene = limited(base, misses=3)
    headers, known = scene.bearer(), identifier_of(scene.hub, credit_code(2000))
    past = "/v1/verifications?known_at=" + scene.hub.now().isoformat().replace("+00:00", "Z")
    assert scene.send("POST", past, json=own(779_001), headers=headers).status_code == 200
    for guess in ("甲", "乙"):
        answer = asks(scene, headers, {"identifier": known, "holder_number": credit_code(2000), "claims": {"KZ_法定代表人": guess}})
        assert answer.json()["code"] == "CONTENT_MISMATCH"
    assert scene.send("POST", past, json=own(2000), headers=headers).status_code == 429
    assert asks(scene, headers, own(2000)).status_code == 429


def test_t10_looks_at_one_holder_are_stopped_and_others_are_not(base):
    scene = limited(base, subject=4)
    headers = scene.bearer()
    assert [asks(scene, headers, own(2003)).status_code for _ in range(6)] == [200] * 4 + [429] * 2
    assert asks(scene, headers, own(2004)).status_code == 200
    other = limited(base, subject=4)
    assert asks(other, other.bearer(), own(2003)).status_code == 200


def test_t10_public_page_has_a_budget_for_each_address(base):
    scene = limited(base, misses=3)
    form = {"identifier": "1.2.156.3005.2.X", "holder_number": credit_code(2000)}
    assert [scene.send("POST", "/verify", data=form).status_code for _ in range(5)] == [200] * 3 + [429] * 2


def test_t10_question_about_a_watched_number_is_answered_as_ever_and_sets_off_the_alarm(base, caplog):
    scene, number = limited(base), credit_code(888_001)
    assert plant(scene.hub, [number, number], "sample list") == 1 and plant(scene.hub, [number], "again") == 0
    headers, before = scene.bearer(), scene.hub.watch.alarms
    watched, unknown = asks(scene, headers, own(888_001)), asks(scene, headers, own(888_002))
    assert same(watched) == same(unknown)
    [alarm] = [one for one in audited(scene.hub, "alarm") if one.request_id == watched.headers["x-request-id"]]
    assert (alarm.actor, alarm.code) == (scene.client_id, "CANARY") and scene.hub.watch.alarms == before + 1
    assert [one.levelname for one in caplog.records if one.name == "hub.canary"] == ["CRITICAL"] and number not in caplog.text
    refused = limited(base, types=("food_permit",))
    assert asks(refused, refused.bearer(), own(888_001)).status_code == 403
    assert audited(scene.hub, "alarm")[-1].actor == refused.client_id


def test_watched_number_must_be_nobody_s(base):
    from license_hub.errors import AccessError

    with pytest.raises(AccessError, match="nobody"):
        plant(base.hub, [credit_code(2000)], "")
