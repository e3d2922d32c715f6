"""What must come within seconds on a running server: a receipt's proof, and a look in its subject's log. Times are recorded, not asserted.

`make nightly` decides 1,000 cases; the report keeps p50, p99 and max of each run (goals: proof p99 ≤ 1.5 s, look ≤ 5 s).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from license_hub.api.cases import OPENING
from license_hub.service import keep_grants
from license_hub.service.access_log import looks, prove_look
from license_hub.service.attending import AUDIT_PERIOD_S
from license_hub.service.hub import Hub
from license_hub.service.material_facts import wanted_by_materials
from license_hub.service.register_client import SCOPES, register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of, options, sample_hub, wall_clock
from tests.license_hub.server import running

LANES = 4
PATIENCE_S = 60.0
MATTER = "food_permit_new"


@dataclass(frozen=True)
class Served:
    hub: Hub
    client_id: str
    http: httpx.Client
    log: Path

    def case(self, number: str) -> int:
        who = {"party": "applicant", "name": "样例", "number": number}
        asked = OPENING | {"case_no": uuid4().hex[:20], "matter": MATTER, "applicants": [who]}
        made = self.http.post("/v1/cases", json=asked, headers={"Idempotency-Key": uuid4().hex})
        assert made.status_code == 201, made.text
        return made.json()["case_id"]


@pytest.fixture(scope="module")
def served(tmp_path_factory, catalog) -> Iterator[Served]:
    folder, key = tmp_path_factory.mktemp("in-time"), Key()
    hub = sample_hub(folder, catalog, None, wall_clock)
    client = register(hub, "test counter", key.jwk, SCOPES, sorted(catalog.license_types), credit_code(2, "11"))
    wanted = wanted_by_materials(catalog.matters[MATTER])
    for of in sorted({place[1] for place in wanted.types | wanted.shares}):
        keep_grants.give(hub, client.client_id, of, MATTER, (hub.now() + timedelta(days=9)).date(), "样例1号", "test")
    with running(options(folder), folder) as server:
        form = token_form(key.assertion(client.client_id, server.url, time.time()))
        token = httpx.post(f"{server.url}/oauth/token", data=form).json()["access_token"]
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
            yield Served(hub, client.client_id, http, server.log)
    hub.close()


def told(record_property, name: str, waited: list[float]) -> None:
    waited.sort()
    figures = {"p50": waited[len(waited) // 2], "p99": waited[int(len(waited) * 0.99)], "max": waited[-1]}
    record_property(name, {"count": len(waited)} | {one: round(value, 3) for one, value in figures.items()})


def proven(served: Served, number: int) -> list[float]:
    """Seconds from the decision's answer until each of its receipts is handed out with its proof."""
    case = served.case(credit_code(2000 + number % 20))
    answer = served.http.post(f"/v1/cases/{case}/decision")
    at, waited = time.monotonic(), []
    assert answer.status_code == 200, answer.text
    waiting = [one["receipt"]["id"] for one in answer.json()["materials"] if one["receipt"]]
    assert waiting
    while waiting and time.monotonic() - at < PATIENCE_S:
        found = served.http.get(f"/v1/cases/{case}/receipts/{waiting[0]}").json()
        if found["proof"]:
            waited.append(time.monotonic() - at)
            waiting.pop(0)
        else:
            time.sleep(0.02)
    assert not waiting, "a receipt without a proof"
    return waited


@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.nightly)])
def test_every_receipt_has_its_proof_soon_after_the_answer(served, count, record_property):
    with ThreadPoolExecutor(LANES) as lanes:
        waited = [one for each in lanes.map(lambda number: proven(served, number), range(count)) for one in each]
    assert len(waited) >= count
    told(record_property, "proof", waited)


def test_every_look_allowed_or_refused_is_in_its_subject_s_log_with_a_proof_soon(served, record_property):
    number, identifier = credit_code(2007), identifier_of(served.hub, credit_code(2007))
    waited: list[float] = []
    for turn in range(6):
        before = looks(served.hub, number)[0].seq if looks(served.hub, number) else 0
        case_no = f"look-{turn}"
        asked = {"identifier": identifier, "holder_number": number, "purpose": "样例用途", "case_no": case_no}
        allowed = served.http.post("/v1/verifications", json=asked)
        headers = {"Hub-Purpose": "check", "Hub-Case-No": case_no}
        refused = served.http.get(f"/v1/licenses/{identifier}/bundle?show=none", headers=headers)
        at = time.monotonic()
        assert allowed.status_code == 200 and refused.status_code >= 400
        found = [one for one in looks(served.hub, number) if one.seq > before]
        assert {(one.action, one.allowed, one.who, one.case_no) for one in found} == {
            ("verify", True, "test counter", case_no), ("export", False, "test counter", case_no),
        }, "seen at once, before any checkpoint"  # fmt: skip
        waiting = [one.seq for one in found]
        while waiting and time.monotonic() - at < PATIENCE_S:
            waiting = [one for one in waiting if prove_look(served.hub, number, one) is None]
            time.sleep(0.05)
        assert not waiting, "a look without a proof"
        waited.append(time.monotonic() - at)
    told(record_property, "look", waited)
    assert AUDIT_PERIOD_S < 5, "checkpoints of the audit log are as far apart as a holder may have to wait"


def test_t30_t31_log_of_a_server_that_worked_on_cases_names_nobody_and_is_json_line_by_line(served):
    case = served.case(credit_code(2003))
    for path in (f"/v1/cases/{case}/decision", f"/v1/cases/{case}/prefill"):
        assert served.http.post(path).status_code == 200
    served.http.get(f"/v1/cases/{credit_code(2003)}%0a%E2%80%AE")
    lines = served.log.read_text("utf-8").splitlines()
    assert len(lines) > 5 and all(json.loads(line) for line in lines)
    whole = "\n".join(lines)
    assert not [number for number in range(2000, 2020) if credit_code(number) in whole]
    assert "样例第" not in whole and "样例申请" not in whole and "\u202e" not in whole
