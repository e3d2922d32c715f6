"""What was decided of a material, checked by an outsider who has the receipt and nothing else of the hub's."""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack

import pytest

from license_hub.service.integrate import attend
from license_hub.service.receipts import hand_out
from tests.conformance.outsider import Outsider
from tests.conformance.world import companies, doors, world
from tests.license_hub.sample_hub import NOW
from tests.license_hub.service.casework_cases import TEST, Counter, by_material, with_matters


@pytest.fixture
def shown(tmp_path, catalog):
    """(outsider, receipts by outcome as the hub hands them out)."""
    with ExitStack() as stack:
        hub = stack.enter_context(world(tmp_path / "hub", with_matters(catalog, TEST)))
        rows = companies(1)
        hub.grow(rows)
        counter = Counter(hub.hub)
        case = counter.open(TEST.id, applicant=str(rows[1]["credit_code"]))
        made = by_material(counter.decide(case))
        attend(hub.hub)
        given = {}
        for one in made.values():
            if one["receipt"]:
                found = hand_out(hub.hub, case, one["receipt"]["id"], principal=counter.principal)
                given[one["outcome"]] = {"token": found.token, "proof": found.proof}
        [door] = stack.enter_context(doors(1))
        stack.enter_context(door.open_to(hub))
        yield Outsider(door.url, hub.root_key, tmp_path / "seen.json", clock=lambda: NOW), given


def test_receipt_verifies_with_the_root_key_alone(shown):
    outsider, given = shown
    assert set(given) == {"EXEMPT", "SUBMIT"}
    for outcome, one in given.items():
        good, text = outsider.ask("receipt", json.dumps(one).encode())
        assert good and f"was decided {outcome}" in text


def test_changed_receipt_or_another_s_proof_is_refused(shown):
    outsider, given = shown
    one, other = given["EXEMPT"], given["SUBMIT"]
    head, claims, signature = one["token"].split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    told["fields"]["outcome"] = "SUBMIT"
    forged = (
        base64.urlsafe_b64encode(json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()).rstrip(b"=").decode()
    )
    for wrong in ({**one, "proof": other["proof"]}, {**one, "token": f"{head}.{forged}.{signature}"}, {**one, "token": "x.y.z"}, {}):
        assert not outsider.ask("receipt", json.dumps(wrong).encode())[0]
