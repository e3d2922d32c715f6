"""The delivery as a whole: repeatable, complete, in the catalogue's words, and counted right."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest

from connectors.sample.generate import generate
from tests.connectors.sample.conftest import REQUEST
from tests.connectors.sample.deliveries import READERS, drop

RESOURCES = sorted(READERS)


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_generate_same_request_gives_same_bytes(delivered, tmp_path):
    generate(tmp_path, REQUEST)
    assert digests(tmp_path) == digests(delivered)


def test_generate_another_seed_gives_other_files(delivered, tmp_path):
    generate(tmp_path, replace(REQUEST, seed=8))
    first, second = digests(delivered), digests(tmp_path)
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)


def test_generate_too_few_persons_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 2000"):
        generate(tmp_path, replace(REQUEST, persons=1999))


def test_generate_into_a_delivery_is_refused_and_keeps_it(delivered):
    before = digests(delivered)
    with pytest.raises(FileExistsError):
        generate(delivered, REQUEST)
    assert digests(delivered) == before


@pytest.mark.parametrize("resource", RESOURCES)
def test_delivery_headers_are_the_catalogues(resource, delivered, catalog):
    rows = READERS[resource](delivered)
    assert [name for name in rows[0] if name is not None] == [field.source for field in catalog.resources[resource].fields]


@pytest.mark.parametrize("resource", RESOURCES)
def test_truth_read_is_the_number_of_rows_written(resource, delivered, truth):
    assert len(READERS[resource](delivered)) == truth["resources"][resource]["read"]


def entries(truth):
    for name, entry in truth["resources"].items():
        yield name, entry
        yield from ((f"{name}/{label}", part) for label, part in entry.get("partitions", {}).items())


def test_truth_balances_in_every_delivery(truth):
    for name, entry in entries(truth):
        assert entry["read"] == entry["trusted"] + entry["quarantined"] + entry["superseded"] + entry["deleted"], name
        assert entry["warned"] <= entry["trusted"], name
        assert entry["removed"] == entry["carried"] == entry["versions"] == 0, name


def test_truth_rejects_stay_well_below_the_gate(truth, catalog):
    for name, entry in entries(truth):
        limit = catalog.resources[name.split("/")[0]].limits.max_rejects
        assert 0 < entry["quarantined"] / entry["read"] < limit / 2, name


def test_truth_licenses_are_trusted_rows_unless_held(truth):
    for name, entry in truth["resources"].items():
        made = 0 if name == "population" else entry["trusted"]
        assert entry["issued"] + entry["held"] == made
    assert truth["totals"]["held"] > 20


def test_truth_partitions_add_up(truth):
    whole = truth["resources"]["legal_entity"]
    for count in ("read", "trusted", "quarantined", "superseded", "warned", "issued"):
        assert whole[count] == sum(part[count] for part in whole["partitions"].values())
    keys = Counter(key for part in whole["partitions"].values() for found in part["rules"].values() for key in found)
    assert keys == Counter(key for found in whole["rules"].values() for key in found)


def test_truth_seeds_many_kinds_each_on_three_rows_or_more(truth):
    kinds = {(name, kind) for name, entry in truth["resources"].items() for kind in entry["kinds"]}
    rules = {rule for entry in truth["resources"].values() for rule in entry["rules"]}
    assert len({kind for _, kind in kinds}) >= 20
    assert len(rules) >= 100
    for entry in truth["resources"].values():
        assert all(len(keys) >= 3 for keys in entry["rules"].values())
        assert all(rows >= 3 for rows in entry["kinds"].values())


def test_legal_entity_drops_hold_one_kind_each(delivered, catalog):
    aliases = catalog.codes["entity_kind"].aliases
    for path in sorted(delivered.glob("legal_entity*.csv")):
        common = Counter(aliases.get(row["机构类型"]) for row in drop(path)).most_common(1)[0][0]
        assert common == path.name.split("_")[2]
