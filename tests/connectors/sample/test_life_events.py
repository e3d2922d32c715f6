"""The departments that matters ask beside the first ones: the same people, married once, children of their age, right codes."""

from __future__ import annotations

from collections import Counter

import pytest

from catalogs import checkdigits
from connectors.sample import education, life_events
from connectors.sample.generate import generate
from tests.connectors.sample.conftest import REQUEST
from tests.connectors.sample.deliveries import drop, population

DEPARTMENTS = tuple(life_events.DEPARTMENTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("events")
    generate(out, REQUEST)
    life_events.generate(out, REQUEST)
    return out


def test_life_events_same_request_gives_same_bytes(folder, tmp_path):
    life_events.generate(tmp_path, REQUEST)
    for name in (*(f"{one}.csv" for one in DEPARTMENTS), life_events.TRUTH):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_life_events_leave_the_first_departments_as_they_were(folder, delivered):
    for path in delivered.iterdir():
        assert path.name == "population.db" or (folder / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("name", DEPARTMENTS)
def test_life_event_headers_are_the_catalogues(name, folder, catalog):
    assert list(drop(folder / f"{name}.csv")[0]) == [field.source for field in catalog.resources[name].fields]


@pytest.mark.parametrize(
    ("name", "numbers"), [("education", "公民身份号码"), ("social_insurance", "公民身份号码"), ("marriage", "当事人证件号码")]
)
def test_life_event_is_of_people_the_population_has(name, numbers, folder):
    known = {row["公民身份号码"] for row in population(folder)}
    rows = [row[numbers].replace("、", ";").replace("；", ";").split(";") for row in drop(folder / f"{name}.csv") if row[numbers]]
    found = sum(all(number in known for number in row) for row in rows)
    assert found > 0.9 * len(rows)


def test_nobody_is_in_two_marriages_at_a_time(folder):
    rows = [
        row for row in drop(folder / "marriage.csv") if (row["登记类别"], row["登记状态"]) == ("结婚", "有效") and row["当事人证件号码"]
    ]
    numbers = {tuple(row["当事人证件号码"].upper().replace("、", ";").replace("；", ";").split(";")) for row in rows}
    married = Counter(number for pair in numbers for number in pair)
    assert len(rows) > 300 and sum(count > 1 for count in married.values()) <= 12, "but for the seeded dead partners"


def test_newborns_have_parents_and_no_number(folder):
    newborns = [row for row in drop(folder / "birth.csv") if not row["新生儿公民身份号码"]]
    assert len(newborns) >= 50
    assert all(row["父母姓名"].count(";") == 1 for row in newborns if row["父母姓名"])
    assert {row["出生日期"].replace("-", "")[:6] for row in newborns} <= {"202610", "202611"}


def test_university_codes_pass_both_checks():
    codes = education.school_codes().to_pylist()
    assert len(set(codes)) == len(education.SCHOOLS)
    assert all(checkdigits.uscc(code) and checkdigits.organization_part(code) for code in codes)
