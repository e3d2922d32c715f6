"""Requests made from the OpenAPI document itself, right ones and spoilt ones, against a real server: none ends in a server error.

`make nightly` sends 200 of each operation. schemathesis makes the requests; what it cannot see (threats.md §0.5) is `test_sqlmap`'s.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from license_hub.service import keep_grants
from license_hub.service.register_client import SCOPES, register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of, options, sample_hub, wall_clock
from tests.license_hub.server import running

ABOUT = 2000
NOT_IMPLEMENTED = {"GET /status/{shard}"}
"""Whoever asks for a moment of the past gets 501 there (Token Status List §8.4)."""


@dataclass(frozen=True)
class Served:
    url: str
    document: dict
    key: Key
    client_id: str
    known: dict[str, str]
    """Path parameters that lead somewhere."""

    def bearer(self) -> dict[str, str]:
        form = token_form(self.key.assertion(self.client_id, self.url, time.time()))
        return {"Authorization": f"Bearer {httpx.post(f'{self.url}/oauth/token', data=form).json()['access_token']}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory, catalog) -> Iterator[Served]:
    folder, key = tmp_path_factory.mktemp("schema"), Key()
    hub = sample_hub(folder, catalog, None, wall_clock)
    client = register(hub, "anything", key.jwk, SCOPES, sorted(catalog.license_types), credit_code(2, "11"))
    until = (hub.now() + timedelta(days=9)).date()
    for kind in sorted(catalog.license_types):
        keep_grants.give(hub, client.client_id, kind, "food_permit_new", until, "样例1号", "test")
    known = {"identifier": identifier_of(hub, credit_code(ABOUT)), "type": "business_license", "case_id": "1"}
    with running(options(folder), folder, HUB_PUBLIC_URL="{url}") as server:
        document = httpx.get(f"{server.url}/v1/openapi.json").json()
        made = Served(server.url, document, key, client.client_id, known)
        who = {"party": "applicant", "name": "样例", "number": credit_code(ABOUT)}
        opening = {
            "case_no": "S-1", "matter": "food_permit_new", "operator": "o", "window": "7", "received_in": "990101",
            "handled_in": "990101", "applicants": [who],
        }  # fmt: skip
        opened = httpx.post(f"{server.url}/v1/cases", json=opening, headers=made.bearer() | {"Idempotency-Key": "schema-case-1"})
        assert opened.status_code == 201, opened.text
        yield made
    hub.close()


@pytest.mark.parametrize("count", [3, pytest.param(200, marks=pytest.mark.nightly)])
def test_no_request_of_the_document_s_making_ends_in_a_server_error(served, count, record_property):
    schema = schemathesis.openapi.from_dict(served.document)
    seen: Counter[str] = Counter()
    for found in schema.get_all_operations():
        operation, headers = found.ok(), served.bearer()
        for mode in GenerationMode:
            seen += _asked(served, operation, mode, headers, count)
    record_property("statuses", dict(sorted(seen.items())))
    assert seen["200"] and seen["400"] and seen["404"]


def _asked(served: Served, operation, mode: GenerationMode, headers: dict[str, str], count: int) -> Counter[str]:
    """Statuses of so many requests of that operation; half of them about something that is there."""
    seen: Counter[str] = Counter()
    faults: list[str] = []

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case) -> None:
        if sum(seen.values()) % 2:
            case.path_parameters = (case.path_parameters or {}) | {
                name: served.known[name] for name in (case.path_parameters or {}) if name in served.known
            }
        answer = case.call(base_url=served.url, headers=headers, timeout=60)
        seen[str(answer.status_code)] += 1
        meant = answer.status_code == 501 and operation.label in NOT_IMPLEMENTED
        if answer.status_code >= 500 and not meant:
            faults.append(f"{answer.status_code} {case.as_curl_command()} {answer.text[:200]}")

    try:
        send()
    except Unsatisfiable:
        # What asks nothing of its caller cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE
    assert not faults, faults[:3]
    return seen
