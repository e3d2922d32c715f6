"""The shipped catalogue: what issue 2 §2 asks to be in it, how it is loaded, cached and passed on."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import pytest

from catalogs import checkdigits
from catalogs.documents import KINDS
from catalogs.errors import CatalogError
from catalogs.load import PACKAGE_ROOT, load
from catalogs.model import CHECKS, FIELD_TYPES
from license_hub.domain.lifecycle import SOURCE_STATES
from license_hub.domain.verdict import Code

REGISTRY_HEADERS = ("企业名称", "统一社会信用代码", "注册日期", "企业类型", "注册资金", "经营范围", "所在省份", "地区", "注册地址")
LATER_TYPES = {"marriage_certificate", "divorce_certificate", "diploma", "degree_certificate", "birth_certificate"}
"""Of issue 5."""


def test_catalog_ships_five_resources_and_nine_license_types(catalog):
    assert set(catalog.resources) >= {"population", "legal_entity", "food_permit", "real_estate_title", "enterprise_registry"}
    origins = {one.id: one.origin for one in catalog.license_types.values()}
    made = {"business_license", "public_institution_certificate", "social_organisation_certificate", "food_permit", "real_estate_title"}
    assert {name for name, origin in origins.items() if origin == "made_for_issuer"} == made | LATER_TYPES
    others = set(origins) - made - LATER_TYPES
    assert {catalog.license_types[name].name for name in others} == {"居民身份证", "社会保障卡", "机动车驾驶证", "出入境证件"}


def test_catalog_ships_the_resources_matters_need(catalog):
    assert {"marriage", "education", "birth", "social_insurance"} <= set(catalog.resources)
    made_of = {source.resource for name in LATER_TYPES for source in catalog.license_types[name].sources}
    assert made_of == {"marriage", "education", "birth"}


def test_enterprise_registry_has_exactly_the_nine_columns_of_the_files(catalog):
    assert tuple(field.source for field in catalog.resources["enterprise_registry"].fields) == REGISTRY_HEADERS


def test_every_type_code_is_a_right_credit_code_and_three_digits(catalog):
    for one in catalog.license_types.values():
        assert checkdigits.uscc(one.type_code[:18]), one.id
        assert one.type_code[18:].isdigit() and len(one.type_code) == 21, one.id


def test_business_license_without_a_status_field_leaves_the_issuer_to_the_organ_table(catalog):
    registry = next(one for one in catalog.license_types["business_license"].sources if one.resource == "enterprise_registry")
    assert (registry.status_field, registry.issuer_field, registry.holder_base) == (None, None, ())
    assert registry.applies_prefixes == ("9",)


def test_field_without_a_title_or_department_takes_the_header_and_the_resources(catalog):
    name = catalog.resources["population"].field("name")
    assert (name.title, name.department, name.type, name.table) == ("姓名", "province_police", "person_name", None)
    assert catalog.resources["population"].field("sex").table == "sex"


def test_new_table_is_one_yaml_file(root):
    (root / "resources" / "dog_permit.yaml").write_text(
        """
{id: dog_permit, title: 养犬登记, summary: 养犬登记证, department: province_police, format: CSV 文件, update_cycle: 每日, cycle_hours: 24,
 sharing: {attribute: none, way: file, conditions: 不共享}, data_class: 主题数据, grade: 二级, owner: 治安总队,
 source: 示例, since: "2026-11-21", connector: {kind: file_drop, options: {connection: dog_permit, pattern: "dogs*.csv"}},
 delivery: {mode: snapshot}, key: [number],
 coverage: {divisions: ["99"], since_year: 2020},
 fields: [{name: number, source: 证号, type: certificate_number, required: true, sensitivity: 1},
          {name: issued_on, source: 发证日期, type: date, sensitivity: 1}]}
""",
        encoding="utf-8",
    )
    catalog = load(root)
    dogs = catalog.resources["dog_permit"]
    assert (dogs.order_by, dogs.watermark, dogs.schedule, catalog.rules["dog_permit"]) == (None, None, None, ())
    assert (dogs.limits.max_rejects, dogs.limits.removed_floor, dogs.delivery.lag_minutes) == (0.1, 20, 10)


def test_code_table_aliases_hold_codes_labels_and_spellings(catalog):
    aliases = catalog.codes["province"].aliases
    assert aliases["45"] == aliases["广西"] == aliases["广西壮族自治区"] == aliases["450000"] == "45"


def test_load_twice_gives_the_same_object_until_a_file_changes(root, spoil):
    first = load(root)
    assert load(root) is first
    spoil("messages.yaml", "可以免交该材料，直接办理。", "可以免交。")
    second = load(root)
    assert second.messages["IN_FORCE"].next_step == "可以免交。"
    assert second.version != first.version


def test_version_depends_on_content_not_on_place(root):
    assert load(root).version == load().version


def test_catalog_travels_to_a_worker_process_by_pickle(catalog):
    copy = pickle.loads(pickle.dumps(catalog))
    assert copy.version == catalog.version
    assert copy.organs["9450100"] == catalog.organs["9450100"]


def test_load_of_a_broken_catalogue_raises_every_fault(spoil):
    spoil("resources/population.yaml", "department: province_police", "department: nobody")
    root = spoil("rules/population.yaml", "severity: reject", "severity: maybe")
    with pytest.raises(CatalogError) as caught:
        load(root)
    assert any(fault.startswith("rules/population.yaml: rules[0].severity:") for fault in caught.value.faults)
    assert len(caught.value.faults) >= 1


def test_load_leaves_divisions_and_heavy_packages_unread():
    code = (
        "import sys; from catalogs import divisions; from catalogs.load import load; load();"
        "assert divisions._read.cache_info().currsize == 0; assert not {'duckdb', 'pandas', 'sqlalchemy', 'airflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=PACKAGE_ROOT.parent)


@pytest.mark.parametrize("kind", sorted(set(KINDS.values())))
def test_every_kind_of_document_has_a_schema(kind):
    assert (PACKAGE_ROOT / "schema" / f"{kind}.json").is_file()


def test_every_verdict_code_has_a_message_a_clerk_can_act_on(catalog):
    for code in Code:
        message = catalog.messages[code.value]
        assert message.sentence.endswith("。") and message.next_step.endswith("。") and message.http_status == 200, code


def test_schema_of_status_maps_knows_exactly_the_states_a_source_may_state():
    schema = json.loads((PACKAGE_ROOT / "schema" / "license_type.json").read_text(encoding="utf-8"))
    status_map = schema["properties"]["sources"]["items"]["properties"]["status_map"]
    assert set(status_map["additionalProperties"]["enum"]) == {state.value for state in SOURCE_STATES}


def test_schema_knows_exactly_the_field_types_and_checks_of_the_model():
    resource = json.loads((PACKAGE_ROOT / "schema" / "resource.json").read_text(encoding="utf-8"))
    types = resource["properties"]["fields"]["items"]["properties"]["type"]["pattern"]
    assert set(types.strip("^()$").replace("code:[a-z][a-z0-9_]*", "code").split("|")) == set(FIELD_TYPES)
    rules = json.loads((PACKAGE_ROOT / "schema" / "rules.json").read_text(encoding="utf-8"))
    assert set(rules["properties"]["rules"]["items"]["properties"]["check"]["enum"]) == set(CHECKS)


def test_every_resource_has_rules_and_forty_in_all(catalog):
    assert all(catalog.rules[resource] for resource in catalog.resources)
    assert sum(map(len, catalog.rules.values())) >= 40
