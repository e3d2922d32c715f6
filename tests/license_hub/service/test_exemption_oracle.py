"""Many materials against many applicants: the decision and the oracle agree on each, and whatever is exempt has evidence that stands."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter as Tally
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
import yaml

from catalogs.load import PACKAGE_ROOT, load
from license_hub.domain.lifecycle import shanghai_date
from license_hub.service.decide_case import Asked, decide_cases
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.signing.commitment import instant
from license_hub.storage import cases
from license_hub.storage.cases import Party
from license_hub.storage.engine import writing
from license_hub.storage.tables import version

from .casework_cases import Counter
from .exemption_oracle import Applicant, Oracle, Permit, materials
from .publishing import ORGAN, OTHER_ORGAN, Publisher, citizen_number, credit_code, entity, permit, person, registered

PER_MATTER, MATTERS = 20, 10
TOGETHER = 64


def matter_file(name: str, listed: list[dict]) -> dict:
    """A published matter of those materials, as its file says it."""
    known = yaml.safe_load((PACKAGE_ROOT / "matters" / "food_permit_new.yaml").read_text("utf-8"))
    return known | {"id": name, "title": name, "areas": ["market_entry"], "materials": listed, "form": []}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    """The catalogue's files with 200 more materials."""
    root = tmp_path_factory.mktemp("catalogs") / "catalogs"
    shutil.copytree(PACKAGE_ROOT, root, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    for number in range(MATTERS):
        data = matter_file(f"oracle_{number}", materials(number, PER_MATTER))
        (root / "matters" / f"oracle_{number}.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return root


@pytest.fixture
def catalog(shelf):
    return load(shelf)


def applicants(seed: int, count: int, today: date) -> list[Applicant]:
    draw = random.Random(seed)
    return [_applicant(draw, number, today) for number in range(count)]


def _applicant(draw: random.Random, number: int, today: date) -> Applicant:
    outside, quarantined = draw.random() < 0.15, draw.random() < 0.15
    division = "450103" if outside else "990101"
    status = None if outside or quarantined or draw.random() < 0.15 else draw.choice("11111234")
    permits = []
    for at, days in enumerate(draw.sample([-1, 0, 29, 30, 500, 2000], draw.choice([0, 1, 1, 2]))):
        until = today + timedelta(days=days)
        permits.append(Permit(f"JY{99010100000000 + number * 10 + at}", draw.choice("11112345"), until, draw.choice(["990100", "990200"])))
    if outside or quarantined:
        permits = []
    return Applicant(
        number=credit_code(number, division=division), person=citizen_number(number), division=division, entity=status,
        home=draw.random() < 0.8, registry=outside and draw.random() < 0.7, permits=permits, alive=draw.choice(["1", "1", "2", None]),
        quarantined=frozenset({"legal_entity", "food_permit"}) if quarantined else frozenset(),
    )  # fmt: skip


def publish(hub: Hub, publisher: Publisher, listed: list[Applicant]) -> None:
    companies = [entity(0) | {"credit_code": one.number, "status": one.entity} | _home(one) for one in listed if one.entity]
    publisher.publish("legal_entity", companies)
    operator = {"operator_name": "样例0号有限公司"}
    rows = [
        permit(0) | operator | {"permit_no": one.number, "credit_code": who.number, "status": one.status, "valid_to": one.valid_to,
                                "issuing_organ_code": ORGAN if one.division == "990100" else OTHER_ORGAN}
        for who in listed for one in who.permits
    ]  # fmt: skip
    publisher.publish("enterprise_registry", [registered(0) | {"credit_code": one.number} for one in listed if one.registry])
    publisher.publish("food_permit", rows)
    people = {one.person: person(0) | {"id_number": one.person, "life_status": one.alive} | _home(one) for one in listed if one.alive}
    publisher.publish("population", list(people.values()))
    for resource in ("legal_entity", "food_permit"):
        _quarantine(hub, resource, [one.number for one in listed if resource in one.quarantined])
    apply_pending(hub)


def _home(who: Applicant) -> dict[str, object]:
    return {"address": "样例市样例路1号" if who.home else None}


def _quarantine(hub: Hub, resource: str, numbers: list[str]) -> None:
    """A file beside the newest trusted one, as a check leaves it."""
    [trusted] = (hub.lake / "trusted" / resource).iterdir()
    path = hub.lake / "quarantine" / resource / trusted.name / "rows.parquet"
    path.parent.mkdir(parents=True)
    header = hub.catalog.resources[resource].field("credit_code").source
    values = [json.dumps({header: one}, ensure_ascii=False) for one in numbers]
    with hub.lake.create(path) as file:
        pq.write_table(pa.table({"values": pa.array(values, pa.string())}), file)


def opened(hub: Hub, counter: Counter, listed: list[Applicant]) -> list[tuple[Asked, Applicant, str]]:
    """A case for each applicant and matter."""
    found = []
    for number in range(MATTERS):
        counter.grant(f"oracle_{number}")
    with writing(hub.engine) as connection:
        for place, who in enumerate(listed):
            parties = [Party("applicant", "样例", who.number, "001"), Party("legal_rep", "样", who.person, "111")]
            for number in range(MATTERS):
                row = {
                    "client_id": counter.principal.client_id, "case_no": f"O-{place}-{number}", "matter": f"oracle_{number}",
                    "matter_version": "1", "state": "open", "operator": "o", "window": "7", "received_in": "990101", "handled_in": "990101",
                    "opened_at": instant(hub.now()),
                }  # fmt: skip
                case_id = cases.add(connection, hub.crypt, row, parties, hub.entropy)
                found.append((Asked(case_id, counter.principal), who, f"oracle_{number}"))
    return found


@pytest.mark.parametrize("count", [12, pytest.param(1_000, marks=pytest.mark.nightly)])
def test_decisions_are_the_oracle_s_for_200_materials_and_every_applicant(hub, publisher, shelf, clock, count):
    listed = applicants(7, count, shanghai_date(hub.now()))
    publish(hub, publisher, listed)
    counter, seen = Counter(hub), Tally[tuple[str, str]]()
    asked = opened(hub, counter, listed)
    numbers = _numbers(hub, listed)
    by_matter = {f"oracle_{number}": {one["code"]: one for one in _read(shelf, number)} for number in range(MATTERS)}
    for late in (False, True):
        clock.pass_(days=3 if late else 0)
        oracle, differing = Oracle(shelf, shanghai_date(hub.now()), since_h=72 if late else 0), []
        for start in range(0, len(asked), TOGETHER):
            part = asked[start : start + TOGETHER]
            for (_, who, name), made in zip(part, decide_cases(hub, [one for one, _, _ in part]), strict=True):
                for found in made.told["materials"]:
                    outcome, reason, evidence = oracle.expected(by_matter[name][found["material"]], who)
                    seen[outcome, reason] += 1
                    same = (found["outcome"], found["reason"]) == (outcome, reason)
                    if not same or (evidence and numbers[found["evidence"]["identifier"]] not in evidence):
                        differing.append((who, by_matter[name][found["material"]], found["outcome"], found["reason"], outcome, reason))
        assert not differing, (len(differing), differing[0])
        if count > 100:
            # So old a day that what expired yesterday did not matter: one pass is enough for the large count.
            break
    assert {outcome for outcome, _ in seen} == {
        "EXEMPT", "NEEDS_AUTHORIZATION", "DEPARTMENT_CHECK", "PROMISE", "DEFERRED", "CANCELLED", "SUBMIT",
    }  # fmt: skip
    assert len(seen) >= 20


def _read(shelf: Path, number: int) -> list[dict]:
    return yaml.safe_load((shelf / "matters" / f"oracle_{number}.yaml").read_text("utf-8"))["materials"]


def _numbers(hub: Hub, listed: list[Applicant]) -> dict[str, str]:
    """Identifier → certificate number."""
    known = {
        hub.crypt.blind_index("number", one): one for who in listed for one in (who.number, *(permit.number for permit in who.permits))
    }
    with hub.engine.connect() as connection:
        rows = connection.execute(sa.select(version.c.identifier, version.c.number_bi)).all()
    return {identifier: known[bytes(index)] for identifier, index in rows}
