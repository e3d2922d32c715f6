"""The people of the province: impossible on purpose, right in themselves, distributed like people."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from stdnum.cn import ric

from connectors.sample import ledger, people, places, population
from tests.connectors.sample.conftest import AS_OF

SIZE = 20_000


@pytest.fixture(scope="module")
def province():
    return people.make(places.load(), SIZE, 3, AS_OF)


@pytest.fixture(scope="module")
def rows(province):
    columns = population.render(province, np.arange(SIZE), AS_OF)
    return [dict(zip(columns, values, strict=True)) for values in zip(*(column.to_pylist() for column in columns.values()), strict=True)]


def test_numbers_are_unique_right_and_of_the_made_up_province(rows, catalog):
    numbers = [row["公民身份号码"] for row in rows]
    assert len(set(numbers)) == SIZE
    for number in numbers[:2000]:
        assert number.startswith("99") and catalog.divisions[number[:6]].until is None
        assert ric.calc_check_digit(number) == number[17]


def test_numbers_agree_with_sex_and_birth_date(rows):
    for row in rows:
        number = row["公民身份号码"]
        assert number[6:14] == row["出生日期"].replace("-", "")
        assert (int(number[16]) % 2 == 1) == (row["性别"] == "男")


def test_phones_are_in_the_range_nobody_was_given(rows):
    given = [row["联系电话"] for row in rows if row["联系电话"]]
    assert 0.8 < len(given) / SIZE < 0.9
    assert all(len(phone) == 11 and phone.startswith("154") for phone in given)


def test_ages_are_shaped_like_a_census(province):
    age = (np.datetime64(AS_OF) - province.born_on.astype("datetime64[D]")).astype(int) / 365.25
    assert age.min() > 0 and age.max() < 96
    assert 0.15 < np.mean(age < 15) < 0.21
    assert 0.15 < np.mean(age >= 60) < 0.22
    assert 0.50 < province.male.mean() < 0.53


def test_deaths_come_late_and_never_before_birth(province):
    dead = province.died_on >= 0
    assert np.all(province.died_on[dead] > province.born_on[dead])
    age = (province.died_on[dead] - province.born_on[dead]) / 365.25
    assert 0.003 < dead.mean() < 0.03 and np.median(age) > 60


def test_names_follow_frequency_and_cohort(province, rows):
    surnames = Counter(row["姓名"][0] for row in rows)
    assert {name for name, _ in surnames.most_common(3)} == {"王", "李", "张"}
    cohort = province.born_on < (date(1960, 1, 1) - date(1970, 1, 1)).days
    old = "".join(row["姓名"][1:] for row, before in zip(rows, cohort, strict=True) if before)
    young = "".join(row["姓名"][1:] for row, before in zip(rows, province.born_on > 11000, strict=True) if before)
    assert old.count("国") > 50 * young.count("国") and young.count("梓") > 50 * old.count("梓")


def test_labels_are_words_of_the_code_tables(rows, catalog):
    for header, table in (("性别", "sex"), ("民族", "ethnicity"), ("人员状态", "person_status")):
        assert {row[header] for row in rows} <= set(catalog.codes[table].aliases)


def test_update_times_lie_before_the_delivery_and_after_death(rows):
    for row in rows:
        assert row["更新时间"] < AS_OF.isoformat()
        assert row["更新时间"][:10] >= (row["死亡日期"] or "")


def test_full_day_is_refused_not_duplicated(province):
    crowded = replace(province, born_on=np.zeros(SIZE, dtype=np.int32))
    with pytest.raises(ValueError, match="births of one sex on one day"):
        people._sequences(crowded.born_on, np.zeros(SIZE, dtype=np.int16), crowded.male)


def test_plan_gives_a_row_one_kind_at_most(province):
    plan = population.plan(province, AS_OF)
    chosen = np.concatenate(list(plan.rows.values()))
    assert len(chosen) == len(set(chosen.tolist()))
    assert not np.any(plan.sound & plan.lost)


def test_plan_too_small_a_group_is_refused(province):
    kinds = population.plan(province, AS_OF).kinds
    nobody = {kind.among: np.zeros(SIZE, dtype=bool) for kind in kinds if kind.among}
    with pytest.raises(ValueError, match="generate more persons"):
        ledger.plan(np.random.default_rng(1), SIZE, kinds, nobody)
