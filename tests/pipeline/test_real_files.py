"""Issue 2 §7 on the real registry: three provinces into one lake, by the command a data engineer types."""

from __future__ import annotations

import gzip
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from license_hub.api.checks import checked
from license_hub.service.verify import VerifyRequest, verify
from quality import publications
from tests.support import state

PROVINCES = {"ningxia": (4_920, 0, 1), "guangxi": (25_393, 4, 6), "sichuan": (57_340, 31, 0)}
"""Province → rows, wrong credit codes after upper-casing, rows whose inner organisation digit is wrong."""
NOT_ENTERPRISES = {"ningxia": (1, 1), "guangxi": (2, 2), "sichuan": (3, 2)}
"""Rows whose code does not start with 9, and those trusted among them (one of sichuan is an old 15-digit number): no 营业执照."""
KEYS = [
    "batch",
    "publication",
    "published",
    "noop",
    "gate",
    "read",
    "trusted",
    "quarantined",
    "superseded",
    "deleted",
    "removed",
    "carried",
    "warned",
    "rules",
    "issued",
    "versions",
    "held",
    "unchanged",
    "log_size",
    "checkpoint",
    "quarantine",
    "seconds",
]
WRONG_CODE = "enterprise_registry.credit_code.check_digit"
WRONG_ORGAN_PART = "enterprise_registry.credit_code.org_part"


def source(real_data: Path, province: str) -> Path:
    return real_data / "legal" / f"enterprises_{province}.csv.gz"


@pytest.fixture(scope="module")
def delivered(hub, real_data) -> dict[str, dict]:
    """The three provinces delivered in turn into one lake, licenses issued; province → the command's JSON."""
    answers = {}
    for province in PROVINCES:
        ran = hub("run", "enterprise_registry", "--input", source(real_data, province), "--issue", "--json")
        assert ran.code == 0, ran.err
        answers[province] = ran.json
    return answers


@pytest.mark.parametrize("province", PROVINCES)
def test_registry_rows_are_all_accounted_for(delivered, province):
    rows, wrong, _ = PROVINCES[province]
    answer = delivered[province]
    assert list(answer) == KEYS
    assert answer["read"] == rows and answer["quarantined"] == wrong
    assert answer["read"] == answer["trusted"] + answer["quarantined"] + answer["superseded"] + answer["deleted"]
    assert answer["gate"] == "pass" and answer["published"] and not answer["noop"]
    assert answer["warned"] <= answer["trusted"]


@pytest.mark.parametrize("province", PROVINCES)
def test_registry_rejects_wrong_credit_codes_and_nothing_else(delivered, province):
    rules = delivered[province]["rules"]
    rejected = {rule: outcome["failed"] for rule, outcome in rules.items() if outcome["severity"] == "reject" and outcome["failed"]}
    assert rejected == ({WRONG_CODE: PROVINCES[province][1]} if PROVINCES[province][1] else {})


@pytest.mark.parametrize("province", PROVINCES)
def test_registry_inner_organisation_digit_warns(delivered, province):
    assert delivered[province]["rules"][WRONG_ORGAN_PART] == {"severity": "warn", "failed": PROVINCES[province][2]}


def test_sichuan_codes_that_occur_twice_keep_the_later_line(delivered):
    assert delivered["sichuan"]["superseded"] == 15
    conflicting = [outcome["failed"] for rule, outcome in delivered["sichuan"]["rules"].items() if rule.endswith("conflicting_duplicate")]
    assert conflicting == [1]


@pytest.mark.parametrize("province", PROVINCES)
def test_licenses_are_made_by_kind_of_credit_code(delivered, province):
    answer = delivered[province]
    assert answer["issued"] == answer["trusted"] - NOT_ENTERPRISES[province][1]
    assert (answer["versions"], answer["held"]) == (0, 0)


def test_log_grows_by_exactly_the_licenses(delivered):
    sizes = [delivered[province]["log_size"] for province in PROVINCES]
    assert sizes == [sum(delivered[p]["issued"] for p in list(PROVINCES)[: n + 1]) for n in range(3)]


def re_encoded(path: Path, target: Path, encoding: str) -> Path:
    target.write_bytes(gzip.decompress(path.read_bytes()).decode("utf-8").removeprefix("\ufeff").encode(encoding))
    return target


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_registry_re_encoded_is_a_no_op(delivered, hub, real_data, tmp_path, encoding):
    copy = re_encoded(source(real_data, "ningxia"), tmp_path / "again.csv", encoding)
    again = hub("run", "enterprise_registry", "--input", copy, "--issue", "--json")
    assert again.code == 0, again.err
    first = delivered["ningxia"]
    assert again.json["noop"] and not again.json["published"]
    assert again.json["publication"] == first["publication"]
    assert [again.json[name] for name in KEYS[5:13]] == [first[name] for name in KEYS[5:13]]
    assert (again.json["issued"], again.json["versions"], again.json["held"]) == (0, 0, 0)
    assert again.json["log_size"] == delivered["sichuan"]["log_size"]


def asked(home: Path, query: str, files: list[Path], lake: Path | None = None) -> list[tuple]:
    """The query's rows over files of an encrypted lake."""
    with state.world(lake or home / "lake", home / "keys") as opened, publications.reader(opened.lake) as connection:
        return connection.execute(query, {"files": [opened.lake.named(path) for path in files]}).fetchall()


def test_capital_is_parsed_where_a_person_could(delivered, hub):
    """Every failed parse is warned; of the values that are not blank, nearly all parse."""
    files = list((hub.home / "lake").glob("trusted/enterprise_registry/*/rows.parquet"))
    query = (
        "SELECT count(coalesce(capital__src, capital::VARCHAR)), count(capital), count(DISTINCT capital_currency) FROM read_parquet($files)"
    )
    given, parsed, currencies = asked(hub.home, query, files)[0]
    assert parsed > 0.5 * sum(rows for rows, _, _ in PROVINCES.values()) and currencies > 1
    assert given >= parsed


def test_2000_random_licenses_prove_match_and_are_undetermined(delivered, hub):
    """Asked with the source's own name and code; the registry gives no operating status: proof good, content matched, never VALID."""
    files = list((hub.home / "lake").glob("trusted/enterprise_registry/*/rows.parquet"))
    query = "SELECT credit_code, name FROM read_parquet($files) WHERE credit_code LIKE '9%' ORDER BY credit_code"
    chosen = random.Random(7).sample(asked(hub.home, query, files), 2_000)
    requests = [
        VerifyRequest(type_id="business_license", number=code, holder_number=code, claims={"CZZT": name, "统一社会信用代码": code})
        for code, name in chosen
    ]
    with state.world(hub.home / "lake", hub.home / "keys") as opened:
        answers = verify(opened, requests)
    assert {(answer.verdict.status.name, answer.verdict.code.name) for answer in answers} == {("UNDETERMINED", "STATUS_NOT_PROVIDED")}
    assert {tuple(sorted(checked(answer).items())) for answer in answers} == {
        (("content", "passed"), ("log", "passed"), ("seal", "passed"), ("status", "unknown"))
    }
    assert not any(answer.mismatched for answer in answers)


def without_lead_columns(path: Path, target: Path) -> Path:
    """The dirt pack as its provinces delivered it: four lead columns cut off, other widths kept."""
    import csv
    import io

    rows = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8"), newline="")))
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(row[4:] for row in rows)
    return target


def test_dirt_pack_is_stopped_by_the_gate_with_its_whole_quarantine(hub, real_data, tmp_path):
    dirt = without_lead_columns(real_data / "legal" / "dirt_pack.csv.gz", tmp_path / "dirt.csv")
    lake = tmp_path / "lake"
    stopped = hub("run", "enterprise_registry", "--input", dirt, "--json", lake=lake)
    assert stopped.code == 3
    answer = stopped.json
    assert answer["gate"] == "stopped" and not answer["published"] and answer["publication"] is None
    quarantined = asked(hub.home, "SELECT count(*) FROM read_parquet($files)", [lake / answer["quarantine"]], lake)[0][0]
    assert quarantined == answer["quarantined"]
    accepted = hub("run", "enterprise_registry", "--input", dirt, "--accept-rejects", "--json", lake=lake)
    assert accepted.code == 0 and accepted.json["gate"] == "accepted", accepted.err
    balance = accepted.json
    assert balance["read"] == 2_913 == balance["trusted"] + balance["quarantined"] + balance["superseded"] + balance["deleted"]
    refused = hub("run", "enterprise_registry", "--input", dirt, "--accept-rejects", "--json", lake=lake, HUB_PROFILE="production")
    assert refused.code not in (0, 3) and "production" in refused.err


PAYLOADS = [
    ("hub_version", "payload"),
    ("hub_version", "secret"),
    ("hub_leaf", "leaf"),
    ("hub_leaf", "leaf_hash"),
    ("hub_holder", "number_bi"),
    ("hub_attestation", "signature"),
    ("hub_attestation_tile", "data"),
    ("hub_checkpoint", "root"),
]


@pytest.fixture(scope="module")
def small(hub, real_data) -> Path:
    """A lake of one province, issued, for breaking copies of."""
    lake = hub.home / "small"
    ran = hub("run", "enterprise_registry", "--input", source(real_data, "ningxia"), "--issue", "--json", lake=lake)
    assert ran.code == 0, ran.err
    return lake


@pytest.mark.parametrize(("table", "column"), PAYLOADS)
def test_t6_one_flipped_byte_in_any_stored_payload_is_named_by_fsck(small, hub, tmp_path, table, column):
    lake = tmp_path / "lake"
    lake.mkdir()
    shutil.copytree(small / "log", lake / "log")
    with sqlite3.connect(small / "hub.db") as original, sqlite3.connect(lake / "hub.db") as copy:
        original.backup(copy)
        for (trigger,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            copy.execute(f'DROP TRIGGER "{trigger}"')
        rows = copy.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        rowid, value = rows[len(rows) // 2]
        copy.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes([*value[:-1], value[-1] ^ 1]), rowid))
        copy.commit()
    assert any(table in finding for finding in state.findings(lake, hub.home / "keys"))
