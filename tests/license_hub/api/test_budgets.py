"""T10 and T29: what a caller may ask, how a refusal says so, and that it says nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from license_hub.api.build import build
from license_hub.domain.budget import of_quotas
from license_hub.service.canaries import plant
from license_hub.service.list_audit import Entry, list_audit, record
from license_hub.service.register_client import SCOPES, register
from license_hub.storage.engine import writing
from license_hub.web import pages
from tests.license_hub.api.conftest import Scene, audited, scene_at
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code, identifier_of
from tests.license_hub.service.test_check_file import picture

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


def test_t29_calls_that_arrive_together_leave_the_window_s_rest_to_the_other_worker(base):
    one = limited(base, calls=60)
    two = replace(one, app=build(one.hub, pages.routers(), pages.problem_page))
    headers = one.bearer()

    async def at_once(app) -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test") as client:
            answers = await asyncio.gather(*(client.post("/v1/verifications", json=own(2000), headers=headers) for _ in range(30)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(at_once(one.app)) == [200] * 30
    # What the first holds of its last lease may be missing here, no more.
    assert asyncio.run(at_once(two.app)).count(200) >= 30 - 60 // 20


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


def files(scene: Scene, headers: dict[str, str], data: bytes, kind: str = "image/png"):
    return scene.send("POST", "/v1/verifications/file", content=data, headers=headers | {"Content-Type": kind})


def test_t10_unknown_files_are_misses_of_the_caller_and_end_like_any_guessing(base):
    scene = limited(base, misses=3)
    headers = scene.bearer()
    assert [files(scene, headers, b"unknown %d" % place).status_code for place in range(4)] == [200] * 3 + [429]
    assert asks(scene, headers, own(2000)).status_code == 429
    assert audited(scene.hub, "check-file")[-1].code == "RATE_LIMITED"


def test_t10_files_of_one_holder_are_looks_at_that_holder(base):
    shown = picture(identifier_of(base.hub, credit_code(2005)))
    scene = limited(base, subject=2)
    headers = scene.bearer()
    assert files(scene, headers, shown).json()["document"] == "license" and asks(scene, headers, own(2005)).status_code == 200
    assert files(scene, headers, shown).status_code == asks(scene, headers, own(2005)).status_code == 429
    assert files(scene, headers, picture(identifier_of(base.hub, credit_code(2006)))).status_code == 200


def test_t10_page_for_files_has_the_budget_of_the_visitor_s_address(base):
    scene = limited(base, misses=2)
    scene.clock.at += timedelta(hours=2)
    codes = [scene.send("POST", "/verify/file", files={"file": ("x", b"unknown %d" % place)}).status_code for place in range(4)]
    assert codes == [200] * 2 + [429] * 2
    form = {"identifier": "1.2.156.3005.2.X", "holder_number": credit_code(2000)}
    assert scene.send("POST", "/verify", data=form).status_code == 429


def test_t10_looks_of_a_visitor_at_one_holder_are_counted_by_his_address(base):
    scene = limited(base, subject=2)
    form = {"identifier": identifier_of(scene.hub, credit_code(2007)), "holder_number": credit_code(2007)}
    assert [scene.send("POST", "/verify", data=form).status_code for _ in range(4)] == [200] * 2 + [429] * 2
    other = {"identifier": identifier_of(scene.hub, credit_code(2008)), "holder_number": credit_code(2008)}
    assert scene.send("POST", "/verify", data=other).status_code == 200


def test_t10_refused_looks_are_no_looks_so_that_waiting_helps_who_goes_on_asking(base):
    scene = limited(base, subject=2)
    assert [asks(scene, scene.bearer(), own(2009)).status_code for _ in range(2)] == [200] * 2
    scene.clock.at += timedelta(minutes=40)
    assert [asks(scene, scene.bearer(), own(2009)).status_code for _ in range(3)] == [429] * 3
    scene.clock.at += timedelta(minutes=21)
    assert asks(scene, scene.bearer(), own(2009)).status_code == 200


def test_t10_what_the_holder_was_asked_or_did_is_no_look_of_the_caller(base):
    scene = limited(base, subject=2)
    index = scene.hub.crypt.blind_index("subject", credit_code(2010))
    acts = [Entry("f" * 32, scene.client_id, action, None, index, "DONE", "X") for action in ("authorize", "correct", "case", "download")]
    with writing(scene.hub.engine) as connection:
        record(connection, scene.hub.now(), acts)
    assert [asks(scene, scene.bearer(), own(2010)).status_code for _ in range(3)] == [200] * 2 + [429]


def test_looks_at_a_holder_are_found_by_one_index(base):
    with base.hub.engine.connect() as connection:
        asked = "EXPLAIN QUERY PLAN SELECT count(*) FROM hub_audit WHERE subject_bi IN (?) AND at >= ? AND actor IN (?)"
        plan = connection.exec_driver_sql(asked, (b"x", "2026", "x")).all()
    assert any("ix_hub_audit_subject_bi_at (subject_bi=? AND at>?)" in row[3] for row in plan), plan


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
