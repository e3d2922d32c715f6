"""Bodies and their provincial departments."""

from __future__ import annotations

from quality.bodies import Superior, rolled_up
from quality.responsible import title
from tests.license_hub.sample_hub import credit_code

MARKET = Superior("11990000YL0000020D", "样例省市场监督管理局")


def test_county_and_city_organs_count_for_their_provinces_department(catalog):
    codes = [catalog.organs[key][0] for key in ("9990101", "9990100", "9990000")]
    found = rolled_up(catalog, [(code, "legal_entity") for code in codes])
    assert {found[code, "legal_entity"] for code in codes} == {MARKET}


def test_organ_of_a_kind_without_a_department_counts_for_the_provinces_organ(catalog):
    county, province = catalog.organs["8990101"], catalog.organs["8990000"]
    assert rolled_up(catalog, [(county[0], "legal_entity")]) == {(county[0], "legal_entity"): Superior(*province)}


def test_other_body_of_the_province_counts_for_the_provider_of_its_resource_and_a_stranger_for_itself(catalog):
    unknown, stranger = credit_code(2, "11"), "11110101MB0000000X"
    found = rolled_up(catalog, [(unknown, "real_estate_title"), (unknown, "legal_entity"), (stranger, "legal_entity")])
    assert found[unknown, "real_estate_title"].name == "样例省自然资源厅" and found[unknown, "legal_entity"] == MARKET
    assert found[stranger, "legal_entity"] == Superior(stranger, title(catalog, stranger))
