"""The frame around every request, over a small application of the test: ids, limits, headers, log line, faults."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from license_hub.api import frame, problems
from license_hub.api.frame import Frame
from license_hub.api.problem import Renderer


@pytest.fixture
def app(catalog):
    inner = FastAPI()

    @inner.post("/echo")
    async def echo(request: Request) -> dict:
        return {"bytes": len(await request.body()), "id": request.scope["state"]["request_id"]}

    @inner.get("/things/{thing}")
    async def thing(thing: str) -> dict:
        if thing == "broken":
            raise RuntimeError("王某某canary")
        return {}

    renderer = Renderer(catalog.messages)
    problems.install(inner, renderer)
    return Frame(inner, renderer)


@pytest.fixture
def call(app):
    def send(method: str, path: str, **rest) -> httpx.Response:
        async def go():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
                return await client.request(method, path, **rest)

        return asyncio.run(go())

    return send


def test_answer_always_carries_the_security_headers(call):
    for answer in (
        call("GET", "/things/1"),
        call("GET", "/nothing"),
        call("GET", "/things/broken"),
        call("POST", "/echo", content=b"x" * 70_000),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_request_id_well_formed_is_taken_over(call):
    answer = call("POST", "/echo", headers={"X-Request-ID": "case-42.retry_1"})
    assert answer.headers["x-request-id"] == answer.json()["id"] == "case-42.retry_1"


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "a b c d e f", "-leading-dash", "{jndi:ldap}", "aaaa\tbbbb", "证照证照证照证照".encode()]
)
def test_request_id_of_another_form_is_replaced(call, given):
    answer = call("GET", "/things/1", headers={"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_t29_body_over_the_cap_is_refused_before_the_application(call):
    answer = call("POST", "/echo", content=b"x" * (frame.MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert call("POST", "/echo", content=b"x" * frame.MAX_BODY_BYTES).json()["bytes"] == frame.MAX_BODY_BYTES


def test_t29_body_without_a_length_is_counted_while_it_comes(call):
    async def endless():
        for _ in range(1000):
            yield b"x" * 1024

    answer = call("POST", "/echo", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


def test_t29_body_that_never_ends_is_given_up(app, monkeypatch):
    monkeypatch.setattr(frame, "BODY_SECONDS", 0.05)
    sent = []

    async def receive():
        await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/echo", "raw_path": b"/echo", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408


def test_caller_that_leaves_in_the_middle_gets_nothing_done(app):
    messages = [{"type": "http.request", "body": b"identifier=", "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/echo", "raw_path": b"/echo", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    assert not sent


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'{"a":' * 9 + b"1" + b"}" * 9, "too_deep"),
        (b"[" * 9 + b"]" * 9, "too_deep"),
        (b"[" * 30_000, "not_json"),
        (b'{"a":1,"a":2}', "duplicate_name"),
        (b'{"a":{"b":1,"b":2}}', "duplicate_name"),
        (b'{"a":', "not_json"),
        (b"\xff\xfe", "not_json"),
    ],
)
def test_t29_json_nobody_should_parse_is_refused(call, body, rule):
    answer = call("POST", "/echo", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert answer.json()["errors"] == [{"pointer": "", "rule": rule}]


def test_json_at_the_depth_limit_passes(call):
    body = b"[" * frame.MAX_JSON_DEPTH + b"]" * frame.MAX_JSON_DEPTH
    assert call("POST", "/echo", content=body, headers={"Content-Type": "application/json"}).status_code == 200


def test_fault_inside_becomes_a_problem_without_its_message(call, caplog):
    with caplog.at_level(logging.INFO):
        answer = call("GET", "/things/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert "canary" not in answer.text


def test_t30_log_line_has_the_route_never_the_path(call, caplog):
    with caplog.at_level(logging.INFO, logger="hub.http"):
        call("GET", "/things/990101199001010014?number=990101199001010014")
    [record] = [one for one in caplog.records if one.message == "request"]
    assert (record.route, record.method, record.status) == ("/things/{thing}", "GET", 200)
    assert "990101199001010014" not in json.dumps({name: str(value) for name, value in vars(record).items()})


def test_metrics_count_by_route_template_and_known_method(call):
    def count(route, method, status):
        return frame.metrics.REGISTRY.get_sample_value("hub_requests_total", {"route": route, "method": method, "status": status}) or 0

    before = count("/things/{thing}", "GET", "200"), count("-", "OTHER", "404")
    call("GET", "/things/a")
    call("BREW", "/coffee/990101199001010014")
    assert (count("/things/{thing}", "GET", "200"), count("-", "OTHER", "404")) == (before[0] + 1, before[1] + 1)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""]))
def test_body_any_bytes_never_end_in_a_fault(call, body, kind):
    assert call("POST", "/echo", content=body, headers={"Content-Type": kind}).status_code in (200, 400)
