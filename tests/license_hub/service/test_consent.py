from __future__ import annotations

import json
from functools import partial

import pytest
import sqlalchemy as sa

from license_hub.errors import ConsentRefused, NotAllowed
from license_hub.service import keep_grants
from license_hub.service.authorize import Basis, Denied
from license_hub.service.canaries import plant
from license_hub.service.consent import Window, ask, at_window, stands
from license_hub.service.erase import Ground, erase_subject
from license_hub.service.holder_consent import answer, limit, mine, withdraw
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.list_audit import list_audit
from license_hub.service.rekey import rekey
from license_hub.service.rotate_data_key import rotate
from license_hub.service.use_code import make_code, redeem
from license_hub.storage.tables_grants import authorization
from tests.license_hub.sample_hub import identifier_of

from .casework import ASKED, MATTER, NUMBER, ON_DUTY, OPERATOR, casework, open_case, set_case, with_matter
from .publishing import Publisher, credit_code, entity

BY = {"name": "样例乙", "number": "990101199001010011", "right": "样例授权书1号"}


@pytest.fixture
def hub(options, clock, catalog):
    opened = open_hub(options, clock=clock, catalog=with_matter(catalog))
    yield opened
    opened.close()


@pytest.fixture
def work(hub):
    return casework(hub)


def acts(hub, number: str = NUMBER) -> list[tuple[str, str]]:
    return [(one.actor, one.code) for one in list_audit(hub, limit=1000, action="authorize", holder_number=number)]


def test_holder_s_yes_allows_the_case_it_was_asked_for(work, clock):
    name = ask(work.hub, work.wanted(), work.principal, "r" * 32)["id"]
    assert work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION
    [seen] = mine(work.hub, NUMBER)
    assert (seen.state, seen.client, seen.case_no, seen.operator) == ("asked", "acceptance", work.case_no, OPERATOR)
    answer(work.hub, NUMBER, name, yes=True)
    found = work.examine(ASKED)
    assert isinstance(found, Basis) and (found.kind, found.id) == ("holder", name)
    assert stands(work.hub, name, work.client.client_id)["state"] == "given" and stands(work.hub, name, "another") is None
    other = open_case(work.hub, work.client.client_id)
    assert work.examine(ASKED, case_id=other) is Denied.NEEDS_AUTHORIZATION
    assert work.examine(ASKED, subject="91990101MA0000002X") is Denied.NEEDS_AUTHORIZATION
    assert acts(work.hub) == [(work.client.client_id, "ASKED"), ("holder", "GIVEN")]


def test_holder_s_yes_for_days_holds_for_the_client_s_other_cases_of_that_matter_until_then(work, clock):
    answer(work.hub, NUMBER, ask(work.hub, work.wanted(), work.principal, "")["id"], yes=True, days=7)
    other = open_case(work.hub, work.client.client_id)
    assert isinstance(work.examine(ASKED, case_id=other), Basis)
    clock.pass_(days=7)
    assert work.examine(ASKED, case_id=other) is Denied.NEEDS_AUTHORIZATION


def test_holder_s_no_and_an_answer_after_a_day_allow_nothing(work, clock):
    name = ask(work.hub, work.wanted(), work.principal, "")["id"]
    answer(work.hub, NUMBER, name, yes=False)
    late = ask(work.hub, work.wanted(), work.principal, "")["id"]
    clock.pass_(hours=24)
    for one in (name, late):
        with pytest.raises(ConsentRefused, match="waits"):
            answer(work.hub, NUMBER, one, yes=True)
    assert work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION
    assert sorted(one.state for one in mine(work.hub, NUMBER)) == ["declined", "expired"]


def test_t10_nobody_answers_limits_or_withdraws_for_another_holder(work):
    name = ask(work.hub, work.wanted(), work.principal, "")["id"]
    for number in ("91990101MA0000002X", ""):
        for act in (partial(answer, yes=True), partial(limit, days=1), withdraw):
            with pytest.raises(ConsentRefused, match="/id"):
                act(work.hub, number, name)
    assert mine(work.hub, "91990101MA0000002X") == [] and work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION


def test_holder_sets_an_earlier_end_and_never_a_later_one(work, clock):
    name = ask(work.hub, work.wanted(), work.principal, "")["id"]
    answer(work.hub, NUMBER, name, yes=True, days=30)
    limit(work.hub, NUMBER, name, 2)
    with pytest.raises(ConsentRefused, match="before"):
        limit(work.hub, NUMBER, name, 20)
    clock.pass_(days=2)
    assert work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION


def test_window_consent_counts_at_once_and_names_who_acted_for_the_holder_encrypted(work, clock):
    with pytest.raises(ConsentRefused, match="/by"):
        at_window(work.hub, work.wanted(), Window("signed_paper", "guardian"), work.principal, "")
    with pytest.raises(ConsentRefused, match="/evidence"):
        at_window(work.hub, work.wanted(), Window("phone"), work.principal, "")
    name = at_window(work.hub, work.wanted(), Window("signed_paper", "guardian", BY), work.principal, "")["id"]
    found = work.examine(ASKED)
    assert isinstance(found, Basis) and (found.kind, found.id) == ("window", name)
    with work.hub.engine.connect() as connection:
        row = connection.execute(sa.select(authorization)).one()
    assert "样例乙".encode() not in row.payload and (row.relation, row.operator, row.evidence) == ("guardian", OPERATOR, "signed_paper")
    assert json.loads(work.hub.crypt.decrypt("hub_authorization", "payload", name, row.payload)) == BY
    withdraw(work.hub, NUMBER, name)
    assert work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION and acts(work.hub)[-1] == ("holder", "WITHDRAWN")


def test_word_of_the_phone_that_is_over_does_not_hide_that_of_the_window(work, clock):
    answer(work.hub, NUMBER, ask(work.hub, work.wanted(), work.principal, "")["id"], yes=True, days=1)
    clock.pass_(days=2)
    name = at_window(work.hub, work.wanted(), Window("signed_paper"), work.principal, "")["id"]
    found = work.examine(ASKED)
    assert isinstance(found, Basis) and (found.kind, found.id) == ("window", name)


def test_what_stands_is_on_the_holder_s_page_however_much_came_after(work, clock, monkeypatch):
    monkeypatch.setattr("license_hub.service.holder_consent.MOST", 2)
    name = ask(work.hub, work.wanted(), work.principal, "")["id"]
    answer(work.hub, NUMBER, name, yes=True, days=30)
    clock.pass_(hours=1)
    for _ in range(2):
        answer(work.hub, NUMBER, ask(work.hub, work.wanted(), work.principal, "")["id"], yes=False)
    assert name in [one.id for one in mine(work.hub, NUMBER)]


@pytest.mark.parametrize(("change", "why"), [
    ({"case_id": 10**9}, Denied.CASE_NOT_OPEN), ({"type_id": "birth_certificate"}, Denied.NO_GRANT),
])  # fmt: skip
def test_consent_is_asked_for_on_an_own_open_case_under_a_grant_alone(work, change, why):
    for act in (ask, lambda *given: at_window(*given[:2], Window("id_card"), *given[2:])):
        with pytest.raises(NotAllowed) as refused:
            act(work.hub, work.wanted(**change), work.principal, "")
        assert refused.value.why == why


def test_consent_is_not_asked_of_who_is_no_party_nor_under_a_suspended_grant_nor_on_a_closed_case(work):
    with pytest.raises(ConsentRefused, match="/party"):
        ask(work.hub, work.wanted(party="spouse"), work.principal, "")
    keep_grants.suspend(work.hub, work.grants[ASKED].grant_id, "test")
    with pytest.raises(NotAllowed, match="SUSPENDED"):
        ask(work.hub, work.wanted(), work.principal, "")["id"]
    set_case(work.hub, work.case_id, state="closed")
    with pytest.raises(NotAllowed, match="CASE_NOT_OPEN"):
        ask(work.hub, work.wanted(), work.principal, "")["id"]


@pytest.fixture
def coded(work):
    """(casework over a license, its holder's number, its identifier, its id)."""
    Publisher(work.hub).publish("legal_entity", [entity(i) for i in range(2)])
    apply_pending(work.hub)
    number = credit_code(1)
    return work, number, identifier_of(work.hub, number)


def test_use_code_is_bound_to_license_case_and_operator_where_it_is_first_used(coded):
    work, number, identifier = coded
    code, _until = make_code(work.hub, number, identifier)
    assert len(code) == 8 and work.examine(ASKED, number) is Denied.NEEDS_AUTHORIZATION
    name = redeem(work.hub, code.lower(), work.case_id, OPERATOR, work.principal, "")["id"]
    with work.hub.engine.connect() as connection:
        license_id = connection.execute(sa.select(authorization.c.license_id)).scalar_one()
    found = work.examine(ASKED, number)
    assert isinstance(found, Basis) and (found.kind, found.id) == ("code", name)
    other = open_case(work.hub, work.client.client_id)
    assert found.licenses == {license_id}
    for change in ({"operator": "窗口08"}, {"case_id": other}):
        assert work.examine(ASKED, number, **change) is Denied.NEEDS_AUTHORIZATION
    with pytest.raises(ConsentRefused, match="/code"):
        redeem(work.hub, code, other, OPERATOR, work.principal, "")
    withdraw(work.hub, number, name)
    assert work.examine(ASKED, number) is Denied.NEEDS_AUTHORIZATION
    assert [code for _actor, code in acts(work.hub, number)] == ["CODE_MADE", "CODE_USED", "WITHDRAWN"]


def test_t2_use_code_wrong_used_old_withdrawn_or_for_a_type_not_granted_is_refused_alike(coded, clock):
    work, number, identifier = coded
    refused = set()

    def tried(code: str) -> None:
        with pytest.raises(ConsentRefused) as fault:
            redeem(work.hub, code, work.case_id, OPERATOR, work.principal, "")
        refused.add((str(fault.value), fault.value.pointer, fault.value.rule))

    tried("22222222")
    used = make_code(work.hub, number, identifier)[0]
    redeem(work.hub, used, work.case_id, OPERATOR, work.principal, "")
    tried(used)
    withdrawn = make_code(work.hub, number, identifier)[0]
    withdraw(work.hub, number, next(one.id for one in mine(work.hub, number) if one.client == ""))
    tried(withdrawn)
    foreign = make_code(work.hub, number, identifier)[0]
    keep_grants.suspend(work.hub, work.grants[ASKED].grant_id, "test")
    tried(foreign)
    keep_grants.suspend(work.hub, work.grants[ASKED].grant_id, "test", again=True)
    clock.pass_(minutes=10)
    tried(foreign)
    assert len(refused) == 1
    with pytest.raises(ConsentRefused, match="holder's"):
        make_code(work.hub, credit_code(0), identifier)


def test_duty_needs_no_consent_and_its_matter_is_the_purpose(work):
    assert work.examine(ON_DUTY).kind == "duty" and MATTER == work.grants[ON_DUTY].purpose


def test_t19_authorisations_move_to_new_keys_and_an_erased_holder_s_word_and_names_are_gone(work):
    hub, by = work.hub, Window("signed_paper", "guardian", BY)
    name = at_window(hub, work.wanted(), by, work.principal, "")["id"]
    plant(hub, [credit_code(8)], "")
    for key in ("columns", "index"):
        rotate(hub, key, "test")
    with hub.engine.connect() as connection:
        hub.security.refresh(connection)
    assert isinstance(work.examine(ASKED), Basis)
    moved = rekey(hub, "test")
    assert (moved["hub_authorization"], moved["hub_canary"]) == (1, 1) and rekey(hub, "test")["hub_authorization"] == 0
    assert isinstance(work.examine(ASKED), Basis) and plant(hub, [credit_code(8)], "") == 0
    with hub.engine.connect() as connection:
        row = connection.execute(sa.select(authorization)).one()
    assert row.subject_bi[0] == hub.crypt.index_kid
    assert json.loads(hub.crypt.decrypt("hub_authorization", "payload", name, row.payload)) == BY
    erase_subject(hub, NUMBER, Ground("test", "样例删〔2026〕1号", credit_code(2, "11")), "officer")
    assert work.examine(ASKED) is Denied.NEEDS_AUTHORIZATION
    with hub.engine.connect() as connection:
        assert connection.execute(sa.select(authorization.c.payload)).scalar_one() is None
