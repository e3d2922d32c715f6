"""`valid_at` and `known_at` of POST /v1/verifications."""

from __future__ import annotations

from tests.license_hub.sample_hub import credit_code, identifier_of


def ask(scene, query: str, number: int = 2000):
    body = {"identifier": identifier_of(scene.hub, credit_code(number))}
    return scene.send("POST", "/v1/verifications" + query, json=body, headers=scene.bearer())


def test_past_moment_is_answered_and_named(scene):
    answer = ask(scene, "?valid_at=2026-11-21T08:00:00Z").json()
    assert (answer["code"], answer["valid_at"], answer["known_at"]) == ("IN_FORCE", "2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z")
    before = ask(scene, "?known_at=2026-11-20T08:00:00%2B08:00").json()
    assert (before["status"], before["code"], before["valid_at"]) == ("UNDETERMINED", "NOT_FOUND", "2026-11-20T00:00:00Z")
    assert "valid_at" not in ask(scene, "").json()


def test_moment_to_come_or_without_a_zone_is_refused(scene):
    for query in ("?valid_at=2026-11-21T09:00:00Z", "?known_at=2026-11-22T08:00:00Z", "?valid_at=2026-11-20T08:00:00"):
        answer = ask(scene, query)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST"), query
