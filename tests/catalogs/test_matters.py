"""Matters as the catalogue ships and checks them: what the files say, what a bundle unites, and what is refused."""

from __future__ import annotations

import json

import pytest
import yaml

from catalogs import checkdigits, validate
from catalogs.documents import Document
from catalogs.load import load
from catalogs.matter import CASE_FIELDS, OFFICES, CancelWay, DeferWay, LicenseWay, ShareWay
from catalogs.reference_matters import level
from catalogs.schema import FOLDER, faults


def test_food_permit_matter_reads_as_its_file_says(catalog):
    matter = catalog.matters["food_permit_new"]
    assert matter.published and {one.office for one in matter.reviews} == set(OFFICES)
    license_way, share, _ = matter.material("C0201").ways
    assert isinstance(license_way, LicenseWay) and (license_way.types, license_way.grade) == (("business_license",), "B")
    assert isinstance(share, ShareWay) and share.where == {"status": ("1",)}
    assert [type(one) for code in ("C0402", "C0403") for one in matter.material(code).ways] == [DeferWay, CancelWay]
    assert matter.form[0].prefill[-1].kind == "case" and matter.form[0].prefill[1].number_field == "credit_code"
    with pytest.raises(KeyError):
        matter.material("C9999")


def test_every_task_code_is_credit_code_level_and_basic_code(catalog):
    for one in catalog.matters.values():
        department = catalog.departments[one.department]
        assert len(one.task_code) == 31 and checkdigits.uscc(one.task_code[:18])
        assert one.task_code == department.credit_code + one.level + one.code
        assert department.contact, "an applicant must be told whom to ask"


def test_code_of_a_material_means_the_same_in_every_matter(catalog):
    titles: dict[str, set[str]] = {}
    for matter in catalog.matters.values():
        for one in matter.materials:
            titles.setdefault(one.code, set()).add(one.title)
    assert {code: said for code, said in titles.items() if len(said) > 1} == {}


FULL = ("food_permit_new", "company_setup", "title_transfer", "public_rental", "graduate_settlement", "social_insurance_registration",
        "road_transport_permit", "newborn_bundle")  # fmt: skip


@pytest.mark.parametrize("name", FULL)
def test_full_matter_exempts_by_license_and_by_shared_data(name, catalog):
    matter = catalog.matters[name]
    kinds = {way.kind for one in matter.materials for way in one.ways}
    assert matter.published and len(matter.materials) >= 10 and len(matter.form) >= 8
    assert {"license", "share"} <= kinds
    assert any(not one.ways for one in matter.materials), "something must be handed in"


def test_bundle_is_the_union_of_its_matters_each_material_once(catalog):
    bundle = catalog.matters["newborn_bundle"]
    parts = [catalog.matters[name] for name in bundle.bundle.matters]
    codes = [one.code for one in bundle.materials]
    assert len(codes) == len(set(codes)) and codes[0] == "C0980"
    assert set(codes) == {"C0980"} | {one.code for part in parts for one in part.materials}
    assert sum(len(part.materials) for part in parts) > len(codes)
    assert {one.name for one in bundle.form} == {"wanted"} | {one.name for part in parts for one in part.form}
    assert set(bundle.areas) >= {"household", "social_insurance"} and set(bundle.parties) == {"mother", "father"}


def test_material_of_a_bundle_is_as_needed_as_where_it_is_needed_most(catalog):
    needs = {
        part: {one.code: one.necessity for one in catalog.matters[part].materials} for part in ("birth_registration", "maternity_benefit")
    }
    assert (needs["birth_registration"]["C0501"], needs["maternity_benefit"]["C0501"]) == ("1", "2")
    assert catalog.matters["newborn_bundle"].material("C0501").necessity == "1"


def test_bundle_of_unlike_materials_is_a_fault(spoil):
    root = spoil("matters/maternity_benefit.yaml", "title: 母亲身份证", "title: 母亲的身份证")
    assert (
        "matters/newborn_bundle.yaml: bundle.matters: materials C0111 of maternity_benefit is not the one of birth_certificate_issue"
        in (validate.check(root)[1])
    )


def test_published_bundle_of_a_matter_under_review_is_a_fault(spoil):
    root = spoil("matters/birth_registration.yaml", "state: published", "state: review")
    assert any("birth_registration is not published" in one for one in validate.check(root)[1])


@pytest.mark.parametrize(("day", "version"), [("2025-02-28", None), ("2025-03-01", "1"), ("2026-11-21", "1"), ("2026-11-22", "2")])
def test_matter_on_a_day_is_the_version_in_force_then(catalog, day, version):
    found = catalog.matter_on("public_rental", day)
    assert (found and found.version) == version
    if found:
        kinds = [way.kind for way in found.material("C0304").ways]
        assert kinds == (["check", "promise"] if version == "2" else ["check"])


def test_version_that_was_never_published_is_never_in_force(spoil):
    root = spoil("matters/food_permit_new.yaml", "state: published", "state: review")
    assert load(root).matter_on("food_permit_new", "2030-01-01") is None
    with pytest.raises(KeyError):
        load(root).matter_on("no_such_matter", "2030-01-01")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('version: "1"', 'version: "3"', "matters/public_rental.yaml: version: 2 does not come after 3"),
        ('since: "2025-03-01"', 'since: "2026-11-22"', "matters/public_rental.yaml: since: 2026-11-22 is not after 2026-11-22"),
        ("state: published", "state: review", "matters/public_rental-1.yaml: state: a former version was published"),
        ("id: public_rental", "id: public_housing", "matters/public_rental-1.yaml: id: no file public_housing.yaml"),
    ],
)
def test_former_version_that_does_not_fit_is_a_fault(spoil, old, new, fault):
    found = validate.check(spoil("matters/public_rental-1.yaml", old, new))[1]
    assert any(one.startswith(fault) for one in found), found


def test_case_fields_of_the_schema_are_those_of_the_contract():
    schema = json.loads((FOLDER / "matter.json").read_text(encoding="utf-8"))
    sources = schema["properties"]["form"]["items"]["properties"]["prefill"]["items"]["oneOf"]
    assert tuple(sources[-1]["properties"]["field"]["enum"]) == CASE_FIELDS


def test_way_of_unknown_kind_is_a_fault():
    found = list(faults(Document("matter", "matters/x.yaml", {"materials": [{"ways": [{"kind": "guess"}]}]})))
    assert any("materials[0].ways[0]" in one for one in found)


@pytest.mark.parametrize(("division", "expected"), [("100000", "1"), ("990000", "2"), ("990100", "3"), ("990101", "4")])
def test_level_follows_from_where_a_body_sits(division, expected):
    assert level(division) == expected


def test_resource_that_is_not_shared_serves_no_way(spoil):
    root = spoil("resources/legal_entity.yaml", "attribute: unconditional", "attribute: none")
    assert "matters/food_permit_new.yaml: materials[1].ways[1].resource: legal_entity is not shared" in validate.check(root)[1]


def test_grade_a_type_never_reaches_is_a_fault(spoil):
    root = spoil("license_types/business_license.yaml", "grade_cap: A", "grade_cap: C")
    assert any("business_license reaches C at best, so B is never met" in one for one in validate.check(root)[1])


def test_former_bundle_is_the_union_of_its_matters_as_they_were_when_it_began(root):
    """A bundle of 2025 with the rental matter, whose second version asks for other ways than its first."""
    folder = root / "matters"
    asked = (folder / "newborn_bundle.yaml").read_text(encoding="utf-8")
    for version, since in (("1", "2025-06-01"), ("2", "2026-11-22")):
        data = yaml.safe_load(asked) | {"version": version, "since": since, "parties": {"applicant": "申请人"}}
        bundle = data["bundle"] | {"matters": ["public_rental", "newborn_social_card"]}
        bundle["cooperating"] = [*bundle["cooperating"], "city_housing"]
        reviews = [one | {"signed_on": min(one["signed_on"], since)} for one in data["reviews"]]
        data |= {"materials": [], "form": [], "bundle": bundle, "reviews": reviews}
        name = "newborn_bundle.yaml" if version == "2" else "newborn_bundle-1.yaml"
        (folder / name).write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    catalog = load(root)
    old, new = catalog.matter_version("newborn_bundle", "1"), catalog.matter_version("newborn_bundle", "2")
    assert [way.kind for way in old.material("C0304").ways] == ["check"]
    assert [way.kind for way in new.material("C0304").ways] == ["check", "promise"]
    with pytest.raises(KeyError, match="no version 3"):
        catalog.matter_version("newborn_bundle", "3")
