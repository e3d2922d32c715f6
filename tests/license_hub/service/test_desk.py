"""The desk client and what is told of its cases, on both databases."""

from __future__ import annotations

import pytest

from license_hub.errors import CaseNotOpen, DoubtRefused, NoDesk, NoSuchCase, NotAuthenticated
from license_hub.service import desk_cases, desk_client, say_word
from license_hub.service.close_case import close_case
from license_hub.service.consent import Wanted, ask
from license_hub.service.decide_case import Asked, decide_case
from license_hub.service.holder_consent import answer
from license_hub.service.open_case import Applicant, Opening, open_case, read_case
from license_hub.service.register_client import disable
from license_hub.storage.idempotency import call_of
from tests.license_hub.service.casework_cases import TEST, filled_counter, with_matters
from tests.license_hub.service.publishing import OTHER_ORGAN, credit_code
from tests.license_hub.web.desk_visit import grant

ORGAN = OTHER_ORGAN


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, TEST)


def test_desk_client_works_on_its_cases_and_stops_when_it_is_changed_or_shut_out(hub, publisher):
    other = filled_counter(hub, publisher)
    client_id = desk_client.set_up(hub, ORGAN, "样例窗口", sorted(hub.catalog.license_types), operator="test")
    grant(hub, client_id, TEST.id)
    principal, client = desk_client.acting_for(hub, ORGAN)
    assert (client.name, principal.organ, principal.kid) == ("样例窗口", ORGAN, "")

    def once(key: str):
        return call_of(hub.crypt, client_id, "desk", key, b"")

    asked = Opening("D-1", TEST.id, [Applicant("applicant", "样例一", credit_code(1))], "li.si", "7", "990101", "990101")
    told, _again = open_case(hub, asked, principal=principal, request_id="r", once=once("open"))
    case_id = int(told["case_id"])
    made = decide_case(hub, Asked(case_id, principal, "r", "li.si")).told
    assert {one["material"]: one["outcome"] for one in made["materials"]}["asked"] == "NEEDS_AUTHORIZATION"
    with pytest.raises(NoSuchCase):
        read_case(hub, case_id, principal=other.principal)

    given = ask(hub, Wanted(case_id, "applicant", "real_estate_title", "li.si"), principal, "r")
    [row] = desk_cases.listed(hub, principal, operator="li.si")
    assert (row.case_no, row.waiting, row.who, row.state) == ("D-1", 1, "样***", "open")
    assert desk_cases.listed(hub, principal, operator="zhang.san") == [] == desk_cases.listed(hub, other.principal)
    answer(hub, credit_code(1), str(given["id"]), yes=True, days=7)
    [word] = desk_cases.words(hub, principal, read_case(hub, case_id, principal=principal))
    assert (word.party, word.told["state"], word.told["case_id"]) == ("applicant", "given", None)
    assert desk_cases.last_places(hub, principal, "li.si") == desk_cases.Places("7", "990101", "990101")
    assert desk_cases.numbered(hub, principal, " D-1 ") == case_id and desk_cases.numbered(hub, other.principal, "D-1") is None

    say_word.accept(hub, principal, case_id, "shop", "li.si", "r")
    say_word.accept(hub, principal, case_id, "shop", "li.si", "r")
    assert say_word.said(hub, case_id)["shop"].word == say_word.ACCEPTED
    with pytest.raises(DoubtRefused):
        say_word.accept(hub, principal, case_id, "own", "li.si", "r")
    with pytest.raises(DoubtRefused):
        say_word.refuse(hub, principal, case_id, "shop", say_word.Doubt(("KZ_住所",), "NO_REASON", "x"), "li.si", "r", once("word"))
    with pytest.raises(NoSuchCase):
        say_word.accept(hub, other.principal, case_id, "shop", "li.si", "r")

    close_case(hub, case_id, "done", principal=principal, request_id="r", once=once("close"))
    with pytest.raises(CaseNotOpen):
        say_word.accept(hub, principal, case_id, "shop", "li.si", "r")
    assert desk_cases.listed(hub, principal) == [] and desk_cases.listed(hub, principal, state="closed")[0].result == "done"

    # What it may is looked at in the transaction of each act: an older principal stops at once.
    desk_client.set_up(hub, ORGAN, "样例窗口", ["business_license"], ["case:work"], operator="test")
    with pytest.raises(NotAuthenticated):
        read_case(hub, case_id, principal=principal)
    disable(hub, client_id)
    with pytest.raises(NoDesk):
        desk_client.acting_for(hub, ORGAN)
