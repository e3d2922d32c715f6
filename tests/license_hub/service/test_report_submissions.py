from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

import pytest

from license_hub.domain.lifecycle import shanghai_date
from license_hub.service import keep_grants
from license_hub.service.intake import apply_pending
from license_hub.service.report_submissions import submissions

from .casework_cases import LISTED, TEST, Counter, filled_counter, material, matter, with_matters
from .publishing import Publisher, credit_code, permit

OTHER = matter((material("listed", LISTED), material("own", channel="10")), name="other_matter")


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, TEST, OTHER)


@pytest.fixture
def counter(hub, publisher: Publisher) -> Counter:
    return filled_counter(hub, publisher)


def counted(hub, first: date | None = None, last: date | None = None) -> dict[tuple[str, str, str], tuple[int, int]]:
    today = shanghai_date(hub.now())
    return {(one.matter, one.material, one.reason): (one.submissions, one.cases) for one in submissions(hub, first or today, last or today)}


def test_government_materials_handed_in_are_counted_by_matter_material_body_and_reason(hub, counter):
    for number in (1, 2, 60, 61):
        counter.decide(counter.open(TEST.id, applicant=credit_code(number)))
    counter.decide(counter.open(OTHER.id, applicant=credit_code(62)))
    assert counted(hub) == {
        ("test_matter", "shop", "NOT_FOUND"): (2, 4), ("test_matter", "listed", "DATA_NOT_FOUND"): (2, 4),
        ("other_matter", "listed", "DATA_NOT_FOUND"): (1, 1),
    }  # fmt: skip
    first = submissions(hub, date(2026, 1, 1), date(2027, 1, 1))[0]
    assert (first.department, first.department_name, first.submissions) == (
        "province_market",
        hub.catalog.departments["province_market"].name,
        2,
    )
    assert first.sentence == hub.catalog.messages[first.reason].sentence


def test_material_decided_anew_counts_as_it_stands_last_and_the_case_once(hub, counter, publisher):
    case = counter.open(OTHER.id, applicant=credit_code(62))
    for _ in range(3):
        counter.decide(case)
    assert counted(hub)["other_matter", "listed", "DATA_NOT_FOUND"] == (1, 1)
    from .publishing import entity

    publisher.publish("legal_entity", [entity(number) for number in (0, 1, 2, 3, 62)])
    apply_pending(hub)
    counter.decide(case)
    assert counted(hub) == {}


def test_days_are_those_of_shanghai_and_both_count(hub, counter, clock):
    counter.decide(counter.open(OTHER.id, applicant=credit_code(62)))
    before = shanghai_date(hub.now())
    # 16:30 in London is half past midnight in Shanghai.
    clock.pass_(hours=8.5)
    counter.decide(counter.open(OTHER.id, applicant=credit_code(63)))
    after = shanghai_date(hub.now())
    assert before < after
    listed = ("other_matter", "listed", "DATA_NOT_FOUND")
    assert [counted(hub, *days)[listed][0] for days in ((before, before), (after, after), (before, after))] == [1, 1, 2]


def test_missing_grant_is_a_reason_of_its_own(hub, counter):
    case = counter.open(OTHER.id, applicant=credit_code(1))
    for one in keep_grants.grants(hub, counter.principal.client_id):
        keep_grants.suspend(hub, one.grant_id, "test")
    counter.decide(case)
    assert counted(hub) == {("other_matter", "listed", "GRANT_SUSPENDED"): (1, 1)}


def test_t30_report_names_nobody(hub, counter):
    counter.decide(counter.open(TEST.id, applicant=credit_code(60)))
    told = json.dumps([asdict(one) for one in submissions(hub, date(2026, 1, 1), date(2027, 1, 1))], ensure_ascii=False)
    assert "样例市" not in told and credit_code(60) not in told and "C-" not in told and permit(1)["operator_name"] not in told
