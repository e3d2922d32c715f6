"""The server as a process: granian, its log lines, its metrics port, its end."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time

import httpx
import pytest

from license_hub.service.register_client import register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifiers, options, sample_hub, wall_clock
from tests.license_hub.server import running


@pytest.fixture(scope="module")
def served(tmp_path_factory, catalog):
    folder = tmp_path_factory.mktemp("served")
    hub = sample_hub(folder, catalog, clock=wall_clock)
    key = Key()
    client = register(hub, "test system", key.jwk, ["license:verify"], ["business_license"])
    with running(options(folder), folder) as server:
        yield server, hub, key, client.client_id
    hub.close()


def test_server_answers_concurrent_calls_each_with_its_own_verdict(served):
    server, hub, key, client_id = served
    token = httpx.post(f"{server.url}/oauth/token", data=token_form(key.assertion(client_id, server.url, time.time()))).json()[
        "access_token"
    ]
    numbers = [credit_code(1000 + place) for place in range(5)] + [credit_code(2000 + place) for place in range(20)]

    async def all_at_once() -> list[tuple[str, str]]:
        limits = httpx.Limits(max_connections=25)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=60) as client:
            asked = [{"type": "business_license", "number": one, "holder_number": one} for one in numbers]
            answers = await asyncio.gather(
                *(client.post("/v1/verifications", json=one, headers={"X-Request-ID": f"number-{at:04d}"}) for at, one in enumerate(asked))
            )
            return [(one.json()["code"], one.headers["x-request-id"]) for one in answers]

    answers = asyncio.run(all_at_once())
    expected = ["IN_FORCE", "CANCELLED", "REVOKED", "WITHDRAWN", "MOVED_OUT"] + ["IN_FORCE"] * 20
    assert answers == [(code, f"number-{at:04d}") for at, code in enumerate(expected)]


def test_t30_t31_every_log_line_is_json_without_numbers_or_paths(served):
    server, hub, *_ = served
    identifier = identifiers(hub)[0]
    httpx.post(f"{server.url}/verify", data={"identifier": identifier, "holder_number": credit_code(1000)})
    httpx.get(f"{server.url}/v1/licenses/{identifier}?number={credit_code(1000)}%0a")
    httpx.get(f"{server.url}/nowhere/{credit_code(1000)}", headers={"X-Request-ID": 'a"}\\u202e{"forged'})
    text = server.log.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert {one["route"] for one in lines if one["event"] == "request"} >= {"/verify", "/v1/licenses/{identifier}", "-"}
    assert all(re.fullmatch("[0-9a-zA-Z._-]{8,64}", one["request_id"]) for one in lines if one["event"] == "request")
    for secret in (credit_code(1000), identifier, "nowhere", "forged"):
        assert secret not in text


def test_metrics_are_on_their_own_port_alone_and_hold_no_numbers(served):
    server, hub, *_ = served
    httpx.post(f"{server.url}/verify", data={"identifier": identifiers(hub)[0]})
    assert httpx.get(f"{server.url}/metrics").status_code == 404
    text = httpx.get(server.metrics_url).text
    assert re.search(r'hub_requests_total\{method="POST",route="/verify",status="200"\} [1-9]', text)
    assert re.search(r'hub_verdicts_total\{channel="page",code="IN_FORCE",status="VALID"\} [1-9]', text)
    assert "1.2.156" not in text and credit_code(1000) not in text


def test_server_listens_on_this_machine_alone_and_names_no_software(served):
    server, *_ = served
    answer = httpx.get(f"{server.url}/healthz")
    assert server.url.startswith("http://127.0.0.1:")
    assert answer.headers.get_list("server") == ["hub"]


def test_t29_slow_and_half_sent_requests_do_not_hold_others_up(served):
    server, *_ = served
    host, port = server.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(50)]
    for one in slow:
        one.sendall(
            b"POST /verify HTTP/1.1\r\nHost: hub\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\nid"
        )
    assert httpx.get(f"{server.url}/healthz", timeout=10).status_code == 200
    for one in slow:
        one.close()


def test_server_ends_cleanly_when_told(tmp_path, catalog):
    hub = sample_hub(tmp_path, catalog, clock=wall_clock)
    hub.close()
    with running(options(tmp_path), tmp_path) as server:
        assert httpx.get(f"{server.url}/readyz").json()["ready"] is True
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{server.url}/healthz")
    assert not [line for line in server.log.read_text("utf-8").splitlines() if json.loads(line).get("level") in ("error", "critical")]
