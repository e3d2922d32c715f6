from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.errors import AccessError
from license_hub.service import keep_grants
from license_hub.service.authorize import Basis, Denied
from license_hub.service.hub import open_hub
from license_hub.service.list_audit import list_audit
from license_hub.storage.tables_grants import use_grant

from .casework import ASKED, DOCUMENT, MATTER, ON_DUTY, Casework, casework, open_case, set_case, with_matter


@pytest.fixture
def hub(options, clock, catalog):
    opened = open_hub(options, clock=clock, catalog=with_matter(catalog))
    yield opened
    opened.close()


@pytest.fixture
def work(hub) -> Casework:
    return casework(hub)


def test_license_is_used_by_duty_where_the_matter_says_so(work):
    found = work.examine(ON_DUTY)
    assert found == Basis("duty", str(work.grants[ON_DUTY].grant_id), work.grants[ON_DUTY].valid_until)


def test_license_the_matter_asks_the_holder_for_needs_an_authorisation(work):
    assert work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION


@pytest.mark.parametrize("change", [
    {"type_id": "birth_certificate"}, {"purpose": "another_matter"}, {"client_id": "another"},
])  # fmt: skip
def test_t10_what_no_grant_allows_is_denied_by_default(work, change):
    assert work.examine(**{"type_id": ON_DUTY} | change) is Denied.NO_GRANT


def test_case_must_be_open_the_caller_s_own_and_of_that_matter(work):
    foreign, other = open_case(work.hub, "another"), open_case(work.hub, work.client.client_id, "another_matter")
    closed = open_case(work.hub, work.client.client_id, state="closed")
    assert [work.examine(ON_DUTY, case_id=one) for one in (foreign, other, closed, 10**9)] == [Denied.CASE_NOT_OPEN] * 4
    set_case(work.hub, work.case_id, state="closed")
    assert work.examine(ON_DUTY) is Denied.CASE_NOT_OPEN


def test_duty_is_somebody_s(work):
    assert work.examine(ON_DUTY, operator="") is Denied.NEEDS_AUTHORIZATION


def test_grant_suspended_is_refused_until_it_is_resumed_and_ended_for_good(work):
    number = work.grants[ON_DUTY].grant_id
    keep_grants.suspend(work.hub, number, "test")
    assert work.examine(ON_DUTY) is Denied.GRANT_SUSPENDED
    keep_grants.suspend(work.hub, number, "test", again=True)
    assert isinstance(work.examine(ON_DUTY), Basis)
    keep_grants.end(work.hub, number, "test")
    assert work.examine(ON_DUTY) is Denied.NO_GRANT
    with pytest.raises(AccessError, match="ended"):
        keep_grants.suspend(work.hub, number, "test", again=True)
    acts = [one for one in list_audit(work.hub, limit=1000, action=keep_grants.ACTION) if one.purpose.startswith(f"{number} ")]
    assert [(one.code, one.actor) for one in acts] == [(code, "operator:test") for code in ("GIVEN", "SUSPENDED", "RESUMED", "ENDED")]


def test_grant_ends_with_its_last_day_in_shanghai(work, clock):
    grant = work.grants[ON_DUTY]
    assert grant.valid_until == "2026-12-21T16:00:00Z"
    clock.pass_(days=30, hours=7, minutes=59, seconds=59)
    assert isinstance(work.examine(ON_DUTY), Basis)
    clock.pass_(seconds=1)
    assert work.examine(ON_DUTY) is Denied.GRANT_EXPIRED


def test_grant_given_again_replaces_the_one_there_was(work):
    was = work.grants[ON_DUTY]
    keep_grants.end(work.hub, was.grant_id, "test")
    again = keep_grants.give(work.hub, was.client_id, ON_DUTY, MATTER, (work.hub.now() + timedelta(days=3)).date(), "2号", "test")
    assert again.grant_id == was.grant_id and again.ended_at is None and isinstance(work.examine(ON_DUTY), Basis)
    with work.hub.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(use_grant)) == 2


@pytest.mark.parametrize(("change", "says"), [
    ({"client_id": "nobody"}, "no client"),
    ({"type_id": "no_such_type"}, "no license type"),
    ({"purpose": "'; DROP"}, "purpose"),
    ({"document_no": " "}, "document"),
    ({"days": -1}, "until"),
    ({"days": 4000}, "until"),
])  # fmt: skip
def test_grant_that_makes_no_sense_is_refused(work, change, says):
    given = {"client_id": work.client.client_id, "type_id": ON_DUTY, "purpose": MATTER, "document_no": DOCUMENT, "days": 1} | change
    until = (work.hub.now() + timedelta(days=given.pop("days"))).date()
    with pytest.raises(AccessError, match=says):
        keep_grants.give(work.hub, until=until, operator="test", **given)
