from __future__ import annotations

from dataclasses import replace

import pytest

from catalogs.matter import FormField, Prefill
from license_hub.errors import CaseNotOpen
from license_hub.service.list_audit import list_audit
from license_hub.service.prefill import prefill

from .casework_cases import Counter, filled_counter, matter, with_matters
from .publishing import Publisher, credit_code, person


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


def test_party_nobody_named_and_license_out_of_force_fill_nothing(hub, counter, publisher):
    values, empty = filled(hub, counter, counter.open(FORM.id, applicant=credit_code(99)))
    assert empty["rep"] == "PARTY_MISSING" and (values["name"]["source"], values["name"]["value"]) == ("case", credit_code(99))


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


def test_grant_of_types_is_asked_before_anything_is_filled_in(hub, counter):
    case = counter.open(FORM.id, applicant=credit_code(1))
    hub_without = replace(hub, catalog=with_matters(hub.catalog, replace(FORM, form=FORM.form[5:6])))
    told = prefill(hub_without, case, principal=counter.principal, request_id="p" * 32)
    assert told["values"] == [] and list_audit(hub, action="prefill", limit=100)[-1].code == "NOTHING_LOOKED_AT"
