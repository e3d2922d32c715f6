from __future__ import annotations

from dataclasses import replace

import pytest

from catalogs.matter import FormField, Prefill
from license_hub.errors import CaseNotOpen
from license_hub.service import keep_grants
from license_hub.service.intake import apply_pending
from license_hub.service.list_audit import list_audit
from license_hub.service.prefill import prefill

from ..sample_hub import identifier_of
from .casework_cases import Counter, filled_counter, matter, with_matters
from .doubts import doubt, let_wait
from .publishing import Publisher, credit_code, entity, person


def field(name: str, *sources: Prefill, required: bool = True) -> FormField:
    return FormField(name, f"栏目{name}", required, sources)


def of_license(title: str, of: str = "business_license", consent: str = "duty") -> Prefill:
    return Prefill("license", of, title, "applicant", consent)


SHARED = Prefill("share", "population", "name", "legal_rep", "duty", "id_number")
SEX = Prefill("share", "population", "sex", "legal_rep", "duty", "id_number")
TYPED = Prefill("case", "", "number", "applicant", "duty")
FORM = matter(
    (),
    (
        field("name", of_license("名称"), TYPED),
        field("only", of_license("名称")),
        field("home", of_license("没有的栏目"), SHARED),
        field("rep", SHARED),
        field("sex", SEX),
        field("number", TYPED),
        field("place", of_license("坐落", "real_estate_title", "holder")),
        field("permit", of_license("许可证编号", "food_permit")),
        field("phone", required=False),
    ),
    name="form_matter",
)


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, FORM)


@pytest.fixture
def counter(hub, publisher: Publisher) -> Counter:
    return filled_counter(hub, publisher)


def filled(hub, counter: Counter, case: int) -> tuple[dict, dict]:
    told = prefill(hub, case, principal=counter.principal, request_id="p" * 32)
    return {one["field"]: one for one in told["values"]}, {one["field"]: one["reason"] for one in told["empty"]}


def test_form_is_filled_with_source_date_and_confidence_and_says_what_it_left_empty(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(2), legal_rep=str(person(1)["id_number"]))
    values, empty = filled(hub, counter, case)
    assert (values["name"]["value"], values["name"]["source"], values["name"]["confidence"]) == ("样例2号有限公司", "license", "high")
    assert (values["home"]["value"], values["rep"]["of"]) == ("样1", "population") and values["rep"]["as_of"] == "2026-11-21T08:00:03Z"
    assert values["sex"]["value"] == hub.catalog.codes["sex"].labels["1"]
    assert (values["number"]["value"], values["number"]["source"]) == (credit_code(2), "case")
    assert empty == {"place": "CONSENT_MISSING", "permit": "NOT_FOUND", "phone": "NO_SOURCE"}


def test_party_nobody_named_fills_nothing(hub, counter):
    values, empty = filled(hub, counter, counter.open(FORM.id, applicant=credit_code(99)))
    assert empty["rep"] == "PARTY_MISSING" and (values["name"]["source"], values["name"]["value"]) == ("case", credit_code(99))


def test_license_out_of_force_fills_nothing_and_says_why(hub, counter, publisher):
    publisher.publish("legal_entity", [entity(1), entity(2, status="3")])
    apply_pending(hub)
    values, empty = filled(hub, counter, counter.open(FORM.id, applicant=credit_code(2)))
    assert (values["name"]["source"], empty["only"]) == ("case", "REVOKED")


def test_license_whose_face_lacks_the_field_says_so_and_nothing_of_force(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(2))
    _, empty = filled(_with_form(hub, (field("home", of_license("没有的栏目")),)), counter, case)
    assert empty == {"home": "FACE_INCOMPLETE"}


def test_license_whose_change_waits_or_whose_status_is_in_doubt_fills_nothing(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(2))
    ended = doubt(hub, identifier_of(hub, credit_code(2)), "legal_entity", "status")
    values, empty = filled(hub, counter, case)
    assert (values["name"]["source"], empty["only"]) == ("case", "UNDER_CORRECTION")
    ended()
    assert filled(hub, counter, case)[0]["only"]["value"] == "样例2号有限公司"
    let_wait(hub, identifier_of(hub, credit_code(2)))
    values, empty = filled(hub, counter, case)
    assert (values["name"]["source"], empty["only"]) == ("case", "CHANGE_HELD")


def test_field_in_doubt_is_left_empty_and_the_others_are_filled(hub, counter):
    doubt(hub, identifier_of(hub, credit_code(2)), "legal_entity", "address")
    values, _ = filled(hub, counter, counter.open(FORM.id, applicant=credit_code(2)))
    assert values["name"]["source"] == "license"


def test_prefill_is_refused_on_a_closed_case(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(2))
    counter.close(case)
    with pytest.raises(CaseNotOpen):
        filled(hub, counter, case)


def test_every_source_looked_at_is_in_its_subject_s_log_whether_it_gave_a_value_or_not(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(2), legal_rep=str(person(1)["id_number"]))
    filled(hub, counter, case)
    looks = list_audit(hub, action="prefill", limit=100, holder_number=credit_code(2))
    assert [one.purpose for one in looks] == ["样例事项：business_license", "样例事项：food_permit"]
    assert looks[0].entry is not None and looks[1].entry is None
    assert len(list_audit(hub, action="prefill", limit=100, holder_number=str(person(1)["id_number"]))) == 1


def test_without_a_grant_nothing_is_filled_in_nor_looked_at(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(1), legal_rep=str(person(1)["id_number"]))
    for one in keep_grants.grants(hub, counter.principal.client_id):
        if one.type_id == "business_license":
            keep_grants.suspend(hub, one.grant_id, "test")
        elif one.type_id == "population":
            keep_grants.end(hub, one.grant_id, "test")
    values, empty = filled(hub, counter, case)
    assert (empty["only"], empty["rep"], empty["sex"]) == ("GRANT_SUSPENDED", "NO_GRANT", "NO_GRANT")
    assert {one["source"] for one in values.values()} <= {"case", "license"} and values["permit"]["of"]
    assert [one.purpose for one in list_audit(hub, action="prefill", limit=100)] == ["样例事项：food_permit"]


def test_form_without_sources_leaves_a_record_without_a_subject(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(1))
    told = prefill(_with_form(hub, FORM.form[-1:]), case, principal=counter.principal, request_id="p" * 32)
    assert told["values"] == [] and list_audit(hub, action="prefill", limit=100)[-1].code == "NOTHING_LOOKED_AT"


def _with_form(hub, form: tuple[FormField, ...]):
    return replace(hub, catalog=with_matters(hub.catalog, replace(FORM, form=form)))
