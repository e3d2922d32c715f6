"""A and B of the indicators: by body and division, undefined where nothing was judged, never lowered by what could not be judged."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from catalogs.checkdigits import uscc
from catalogs.model import Field, Limits
from catalogs.quality import Responsible
from quality.store import tables
from tests.license_hub.sample_hub import credit_code
from tests.quality.deliveries import NOW, Bench, rule

LOOSE = Limits(max_rejects=1.0, volume_band=9.0)
PROVIDER = ("11990000YL0000020D", "990000")
FIELDS = (
    Field("code", "编号", "编号", "certificate_number", required=True),
    Field("name", "名称", "名称", "org_name"),
    Field("valid_to", "有效期至", "有效期至", "date"),
    Field("organ", "机关代码", "机关代码", "uscc"),
    Field("division", "区划", "区划", "division"),
    Field("phone", "电话", "电话", "phone", sensitivity=2),
)
HEADERS = tuple(one.source for one in FIELDS)
SCORED = (
    replace(rule("not_null", "code"), indicator="0201"),
    replace(rule("not_null", "name"), indicator="0201"),
    replace(rule("pattern", "code", regex="[A-Z][0-9]+"), indicator="0302"),
    replace(rule("parsed", "valid_to", severity="warn"), indicator="0302"),
    replace(rule("conflicting_duplicate", "code", severity="warn"), indicator="0304"),
    replace(rule("freshness"), indicator="0502"),
)


@pytest.fixture
def organ_codes(catalog) -> tuple[str, str]:
    """Two organs with good codes in divisions the catalogue knows."""
    found = [catalog.organs[one] for one in ("9990101", "9990102")]
    assert all(uscc(code) for code, _ in found)
    return tuple(code for code, _ in found)


@pytest.fixture
def scored(bench_on, catalog):
    """A bench whose rows say who answers for them."""
    return lambda rules=SCORED, **changed: _with_divisions(
        bench_on(
            rules=rules, limits=LOOSE, fields=FIELDS, order_by=None, usable_until="valid_to",
            responsible=Responsible(organ="organ", division="division"), **changed,
        ),
        catalog,
    )  # fmt: skip


def _with_divisions(bench: Bench, catalog) -> Bench:
    bench.catalog = replace(bench.catalog, divisions=catalog.divisions)
    return bench


def scores(bench: Bench, batch: str) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(body, division, indicator) → (A, B)."""
    with bench.database.connect() as connection:
        rows = connection.execute(sa.select(tables.score).where(tables.score.c.batch == batch)).all()
    return {(row.body, row.division, row.indicator): (row.satisfied, row.evaluated) for row in rows}


def deliver(bench: Bench, *rows, **feed):
    return bench.deliver(*rows, columns=HEADERS, **feed)


def test_rows_are_counted_at_the_organ_and_division_they_name_others_at_the_provider(scored, organ_codes):
    bench, (north, south) = scored(), organ_codes
    report = deliver(
        bench,
        ("A1", "甲", "2030-01-01", north, "990101", None),
        ("A2", None, "2020-01-01", north, "990101", None),
        ("A3", "丙", "不详", south, "123456", None),
        ("A4", "丁", None, north[:-1] + "0" if north[-1] != "0" else north[:-1] + "1", "990101", None),
        ("A5", "戊", None, None, "990101", None),
    )
    found = scores(bench, report.batch)
    assert found[north, "990101", "0201"] == (3, 4)
    assert found[north, "990101", "0302"] == (4, 4)
    # The unknown division is not taken over: the organ's own stands.
    assert found[south, south[2:8], "0302"] == (1, 2)
    assert found[*PROVIDER, "0201"] == (4, 4) and found[*PROVIDER, "0302"] == (2, 2)
    assert found[north, "990101", "0602"] == (1, 1), "the row without a name is in quarantine"
    assert found[south, south[2:8], "0602"] == (1, 1)


def test_twice_delivered_dirty_and_expired_rows_are_counted(scored, organ_codes):
    bench, (north, _) = scored(), organ_codes
    line = ("A1", "甲", "2020-01-01", north, "990101", None)
    report = deliver(bench, line, line, ("A2", None, None, north, "990101", None), ("A3", "丙", None, north, "990101", None))
    found = scores(bench, report.batch)
    assert found[north, "990101", "0303"] == (1, 4)
    assert found[north, "990101", "0305"] == (1, 4)
    assert found[north, "990101", "0602"] == (1, 2)
    assert found[north, "990101", "0304"] == (2, 2)


def test_late_delivery_fails_for_all_its_rows_and_is_never_drowned(scored, organ_codes):
    bench, (north, _) = scored(), organ_codes
    rows = [(f"A{at}", "甲", None, north, "990101", None) for at in range(50)]
    good = deliver(bench, *rows)
    late = deliver(bench, *rows, ("A77", "乙", None, north, "990101", None), as_of=NOW - timedelta(days=3))
    assert scores(bench, good.batch)[north, "990101", "0502"] == (50, 50)
    assert scores(bench, late.batch)[north, "990101", "0502"] == (0, 51)


def test_what_is_true_of_the_delivery_is_counted_at_the_provider(scored, organ_codes):
    bench, (north, _) = scored(), organ_codes
    first = bench.deliver(*[(f"A{at}", "甲", north) for at in range(3)], columns=("编号", "名称", "机关代码"))
    found = scores(bench, first.batch)
    assert found[*PROVIDER, "0103"] == (3, 6)
    assert found[*PROVIDER, "0106"] == (0, 1), "a phone number classified as internal"
    assert found[*PROVIDER, "0601"] == (1, 1)
    assert (*PROVIDER, "0202") not in found, "nothing was expected of the first delivery: undefined"
    second = bench.deliver(("A0", "甲", north), columns=("编号", "名称", "机关代码"), as_of=NOW + timedelta(days=3))
    found = scores(bench, second.batch)
    assert found[*PROVIDER, "0202"] == (1, 3)
    assert found[*PROVIDER, "0601"] == (2, 4)


def test_rule_that_cannot_run_lowers_no_score_and_is_told_apart(scored, organ_codes):
    broken = replace(rule("expression", "name", sql="no_such_column > 1"), indicator="0104")
    lonely = replace(rule("reference", "organ", severity="warn", resources=["nowhere"], field="code"), indicator="0402")
    bench, (north, _) = scored(rules=(*SCORED, broken, lonely)), organ_codes
    report = deliver(bench, ("A1", "甲", None, north, "990101", None))
    with bench.database.connect() as connection:
        rows = connection.execute(sa.select(tables.score).where(tables.score.c.indicator.in_(("0104", "0402")))).all()
    apart = {row.indicator: (row.body, row.satisfied, row.evaluated, row.errored, row.skipped) for row in rows}
    assert apart == {"0104": (PROVIDER[0], 0, 0, 1, 0), "0402": (PROVIDER[0], 0, 0, 0, 1)} and report.published


def test_registrar_of_a_credit_code_answers_for_its_row(bench, catalog, organ_codes):
    fields = (Field("code", "编号", "编号", "uscc", required=True), Field("name", "名称", "名称", "org_name"))
    one = bench(
        rules=(rule("not_null", "code"), replace(rule("not_null", "name"), indicator="0201")), limits=LOOSE, fields=fields, order_by=None,
        responsible=Responsible(registrar_of="code"),
    )  # fmt: skip
    one.catalog = replace(one.catalog, divisions=catalog.divisions)
    report = one.deliver((credit_code(1), "甲"), (credit_code(2), None), ("坏代码", "丙"), columns=("编号", "名称"))
    found = scores(one, report.batch)
    registrar, _ = catalog.organs["9" + credit_code(1)[2:8]]
    assert found[registrar, registrar[2:8], "0201"] == (1, 2) and found[*PROVIDER, "0201"] == (1, 1)


def test_stopped_batch_is_scored_too(scored, organ_codes):
    bench, (north, _) = scored(), organ_codes
    strict = replace(bench, resource=replace(bench.resource, limits=Limits(max_rejects=0.1)))
    strict.catalog = replace(bench.catalog, resources={"thing": strict.resource})
    report = deliver(strict, ("A1", None, None, north, "990101", None))
    assert not report.published and scores(bench, report.batch)[north, "990101", "0201"] == (1, 2)


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_random_rows_agree_with_a_naive_oracle(scored, organ_codes, seed):
    chance = random.Random(seed)
    bench, bodies = scored(), (*organ_codes, None, "坏")
    rows = [
        (
            chance.choice(["", None, f"A{chance.randrange(40)}", "x"]),
            chance.choice(["甲", None]),
            chance.choice(["2030-01-01", "2020-01-01", "不详", None]),
            chance.choice(bodies),
            chance.choice(["990101", "990102", "000000", None]),
            None,
        )
        for _ in range(200)
    ]
    report = deliver(bench, *rows)
    expected: Counter[tuple[str, str, str, bool]] = Counter()
    for code, name, valid_to, organ, division, _ in rows:
        body = (organ, division if division in ("990101", "990102") else organ[2:8]) if organ in organ_codes else PROVIDER
        code = code or None
        verdicts = [("0201", code is not None), ("0201", name is not None)]
        verdicts += [("0302", code[0] == "A")] if code else []
        verdicts += [("0302", valid_to != "不详")] if valid_to else []
        for indicator, good in verdicts:
            expected[*body, indicator, good] += 1
    found = scores(bench, report.batch)
    for place in {key[:3] for key in expected}:
        assert found[place] == (expected[*place, True], expected[*place, True] + expected[*place, False])
    assert sum(pair[0] for (*_, code), pair in found.items() if code == "0303") == report.superseded
    assert sum(pair[0] for (*_, code), pair in found.items() if code == "0305") == report.quarantined
    assert sum(pair[1] for (*_, code), pair in found.items() if code == "0602") == report.trusted


def test_the_weights_of_the_day_are_kept_with_the_batch(scored, organ_codes):
    bench = scored()
    report = deliver(bench, ("A1", "甲", None, organ_codes[0], "990101", None))
    with bench.database.connect() as connection:
        kept = connection.scalar(sa.select(tables.batch.c.weights).where(tables.batch.c.batch == report.batch))
    assert kept == {"version": bench.catalog.weights.version, "of": dict(bench.catalog.weights.of("thing"))}
