"""Every fault is found, all at once, with file and key path. One spoiled copy of the shipped catalogue for each kind of fault."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from catalogs import documents, reference_divisions, validate
from catalogs.documents import files
from catalogs.load import PACKAGE_ROOT

FAULTS = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", autouse=True)
def parsed_once():
    """Each spoilt copy differs from the shipped catalogue in a file or two: what was read before is not read again."""
    parsed: dict[bytes, object] = {}

    def load(content: bytes, Loader: type) -> object:
        if content not in parsed:
            parsed[content] = read(content, Loader=Loader)
        return parsed[content]

    read = yaml.load
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents.yaml, "load", load)
        yield
    assert all(read(content, Loader=documents._StrictLoader) == value for content, value in parsed.items()), (
        "a check changed what it checks"
    )


@pytest.fixture(scope="module")
def shipped_faults() -> list[str]:
    return validate.check(PACKAGE_ROOT)[1]


def test_shipped_catalogue_has_no_fault(shipped_faults):
    assert shipped_faults == []
    assert list(reference_divisions.faults(PACKAGE_ROOT)) == []


@pytest.mark.parametrize("path", [path.relative_to(PACKAGE_ROOT).as_posix() for path in files(PACKAGE_ROOT)])
def test_file_has_no_fault_of_its_own(path, shipped_faults):
    assert [fault for fault in shipped_faults if fault.startswith(path)] == []


@pytest.mark.parametrize("name", FAULTS)
def test_spoiled_file_is_named_with_key_path_and_reason(name, spoil):
    one = FAULTS[name]
    found = validate.check(spoil(one["file"], one["old"], one["new"]))[1]
    start = f"{one['file']}: {one['where']}: " if one["where"] else f"{one['file']}:"
    assert any(fault.startswith(start) and one["reason"] in fault for fault in found), found


def test_required_field_without_a_not_null_rule_is_a_fault(spoil):
    root = spoil("resources/population.yaml", "type: phone, ", "type: phone, required: true, ")
    assert any(fault.startswith("rules/population.yaml: rules: phone is required") for fault in validate.check(root)[1])


def test_more_rules_than_the_engine_has_bits_for_is_a_fault(root):
    path = root / "rules" / "population.yaml"
    rule = "  - {{id: population.more.n{0}, indicator: '0201', severity: warn, check: not_null, fields: [phone], sentence: 联系电话空。}}\n"
    path.write_text(path.read_text(encoding="utf-8") + "".join(rule.format(n) for n in range(40)), encoding="utf-8")
    assert any("at most 58 a resource" in fault for fault in validate.check(root)[1])


def test_check_lists_faults_of_several_files_at_once(spoil):
    for name in ("unknown_key", "unknown_check", "alias_of_no_code", "organs_claimed_real", "license_state_unknown"):
        root = spoil(FAULTS[name]["file"], FAULTS[name]["old"], FAULTS[name]["new"])
    found = validate.check(root)[1]
    assert {fault.split(":")[0] for fault in found} >= {
        "resources/population.yaml", "rules/population.yaml", "codes/sex.yaml", "organs.yaml", "license_types/food_permit.yaml",
    }  # fmt: skip


def test_check_tells_three_faults_of_one_file_at_once(spoil):
    spoil("resources/population.yaml", "owner:", "ownr: x\nowner:")
    spoil("resources/population.yaml", "type: person_name", "type: persons_name")
    root = spoil("resources/population.yaml", "mode: increment", "mode: always")
    assert sum(fault.startswith("resources/population.yaml") for fault in validate.check(root)[1]) == 3


def test_missing_kind_of_document_is_a_fault(root):
    (root / "messages.yaml").unlink()
    assert any(fault.startswith("messages.yaml: (top): missing") for fault in validate.check(root)[1])


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("code,name", "nr,name", ":1: header"),
        ("990223,旧坊县,1949,2003", "990223,旧坊县,1949,last", ":15: until"),
        ("990201 990202", "990201 990299", ":15: successors"),
        ("990101,临江区", "110101,临江区", ":4: code"),
        ("990101,临江区", "990100,临江区", ":4: code"),
        ("990101,临江区,1949,,", "990101,临江区,1949,", ":4: row"),
        ("990101,临江区,1949,,", "990101,临江区,1949,,990102", ":4: successors"),
    ],
)
def test_spoiled_division_table_is_named_with_line_and_column(old, new, where, spoil):
    root = spoil("codes/divisions_sample.csv", old, new)
    assert any(fault.startswith(f"codes/divisions_sample.csv{where}") for fault in reference_divisions.faults(root))
