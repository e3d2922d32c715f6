"""Status lists over HTTP: what the draft asks of a provider, and nothing a cache could get wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from license_hub.service.publish_status import publish
from license_hub.signing import statuslist
from license_hub.signing.statuslist import Listed


@pytest.fixture(scope="module")
def listed(scene):
    publish(scene.hub)
    return scene


def test_list_is_public_and_verifies_with_the_status_key_alone(listed):
    answer = listed.send("GET", "/status/0", headers={"Accept": "application/statuslist+jwt"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/statuslist+jwt")
    read = statuslist.read(answer.text, listed.hub.keyring.public_keys("status"))
    assert read.uri == f"{listed.hub.public_url}/status/0"
    assert sum(read.listed(index) is Listed.VALID for index in range(statuslist.SHARD)) == 21
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=900"


def test_list_not_changed_is_not_sent_again(listed):
    tag = listed.send("GET", "/status/0").headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = listed.send("GET", "/status/0", headers={"If-None-Match": given})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), given
    assert listed.send("GET", "/status/0", headers={"If-None-Match": '"other"'}).status_code == 200


def test_list_near_its_end_is_cached_no_longer_than_it_counts(listed):
    listed.clock.at += timedelta(hours=11, minutes=59)
    assert listed.send("GET", "/status/0").headers["cache-control"] == "public, max-age=60"
    listed.clock.at += timedelta(hours=1)
    assert listed.send("GET", "/status/0").headers["cache-control"] == "public, max-age=0"
    listed.clock.at -= timedelta(hours=12, minutes=59)


def test_lists_are_all_named(listed):
    assert listed.send("GET", "/status").json() == {"status_lists": [f"{listed.hub.public_url}/status/0"]}


@pytest.mark.parametrize(
    ("path", "status"), [("1", 404), ("2147483647", 404), ("-1", 400), ("x", 400), ("2147483648", 400), ("0?time=1", 501)]
)
def test_list_that_is_not_there_or_of_the_past_is_a_problem(listed, path, status):
    answer = listed.send("GET", f"/status/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
