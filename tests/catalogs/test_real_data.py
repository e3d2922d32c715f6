"""The catalogue against the real registry: what its codes, tables and organs must hold there (issue 2 §7)."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter

import pytest

from catalogs import checkdigits
from catalogs.divisions import current
from catalogs.organs import issuer_by_prefix

WRONG_CODES = {"guangxi": (25_393, 4), "ningxia": (4_920, 0), "sichuan": (57_340, 31)}
WRONG_ORGANIZATION_PARTS = {"guangxi": 6, "ningxia": 1, "sichuan": 0}
NOT_BUSINESS = {"guangxi": 2, "ningxia": 1, "sichuan": 3}


def read(path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.reader(io.StringIO(lines.read())))


@pytest.fixture(scope="module", params=sorted(WRONG_CODES))
def registry(request, real_data):
    rows = read(real_data / "legal" / f"enterprises_{request.param}.csv.gz")
    return request.param, [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_registry_credit_codes_fail_exactly_where_expected(registry):
    province, rows = registry
    codes = [row["统一社会信用代码"].upper() for row in rows]
    right = [code for code in codes if checkdigits.uscc(code)]
    assert (len(rows), len(codes) - len(right)) == WRONG_CODES[province]
    assert sum(not checkdigits.organization_part(code) for code in right) == WRONG_ORGANIZATION_PARTS[province]
    assert sum(not code.startswith("9") for code in codes) == NOT_BUSINESS[province]


def test_registry_headers_provinces_and_kinds_are_in_the_catalogue(registry, catalog):
    _, rows = registry
    assert tuple(rows[0]) == tuple(field.source for field in catalog.resources["enterprise_registry"].fields)
    assert {row["所在省份"] for row in rows} <= set(catalog.codes["province"].aliases)
    assert {row["企业类型"] for row in rows} - set(catalog.codes["enterprise_kind"].aliases) <= {"N/A", "股份制", "私营企业"}


def test_registry_organ_exists_for_every_credit_code(registry, catalog):
    province, rows = registry
    codes = [row["统一社会信用代码"].upper() for row in rows]
    organs = issuer_by_prefix(catalog, ((code[:1], code[2:8]) for code in codes))
    assert all(checkdigits.uscc(code) for code, _ in organs.values())
    inside = Counter(organs[code[:1], code[2:8]][0][2:4] == code[2:4] for code in codes)
    assert inside[True] / len(codes) > 0.99


def test_registry_retired_divisions_of_nine_rows_in_ten_have_a_successor(registry, catalog):
    province, rows = registry
    retired = [place for row in rows if (place := row["统一社会信用代码"][2:8]) in catalog.divisions and catalog.divisions[place].until]
    led = sum(current(catalog.divisions, place) is not None for place in retired)
    assert retired
    assert province == "ningxia" or led == len(retired)


def test_dirt_pack_codes_are_wrong_or_right_as_their_tags_say(real_data):
    rows = read(real_data / "legal" / "dirt_pack.csv.gz")[1:]
    right: Counter[tuple[str, bool]] = Counter()
    for row in rows:
        if row[2] == "std":
            right.update((tag, checkdigits.uscc(row[5].upper())) for tag in row[3].split(";"))
    wrong = {"code_old_regno15", "code_old_regno13", "code_badcheck", "code_other", "code_old_orgcode"}
    assert {tag for tag in wrong if right[tag, True]} == set()
    assert {tag for tag in ("org_badcheck", "dup_code", "fullwidth_name", "nul", "ws_name") if right[tag, False]} == set()
    assert all(not checkdigits.organization_part(row[5].upper()) for row in rows if "org_badcheck" in row[3].split(";"))
    assert all(len(row) > 13 for row in rows if row[2] == "shifted")
