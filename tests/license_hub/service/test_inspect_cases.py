from __future__ import annotations

from dataclasses import replace

import pytest

from license_hub.service.answer_task import Said, answer_task
from license_hub.service.at_rest import Vault, open_keys
from license_hub.service.fsck import fsck
from license_hub.service.integrate import integrate
from license_hub.service.receipts import hand_out
from license_hub.service.rekey import rekey
from license_hub.storage.tables_cases import decision, party, receipt, task

from .casework_cases import TEST, Counter, by_material, filled_counter, with_matters
from .intruder import deleted, tampered
from .publishing import Publisher, credit_code
from .test_fsck import found_in, key, last


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, TEST)


@pytest.fixture
def worked(hub, publisher: Publisher) -> Counter:
    """A decided case and an answered question."""
    counter = filled_counter(hub, publisher)
    counter.decide(counter.open(TEST.id, applicant=credit_code(1)))
    case = counter.open(TEST.id, applicant=credit_code(3))
    asked = by_material(counter.decide(case))["permit"]["evidence"]["task"]
    who = counter.acting_for("province_market")
    answer_task(hub, asked, Said("CONFIRMED", "登记在册"), principal=who, request_id="q" * 32, once=counter.once())
    integrate(hub)
    assert fsck(hub).findings == ()
    return counter


def test_changed_cell_or_column_of_a_case_is_found_and_its_table_named(hub, worked):
    for table, column in ((party, "number_bi"), (party, "payload"), (decision, "payload"), (receipt, "payload"), (task, "note")):
        row = last(hub, table, column)
        value = bytearray(row._mapping[column])
        value[len(value) // 2] ^= 1
        with tampered(hub, table, {column: bytes(value)}, key(table, row)):
            assert table.name in found_in(hub), (table.name, column)
    plain = {"outcome": "EXEMPT", "reason": "x", "material": "x", "decision_id": "x", "recorded_at": "x", "receipt_id": "0" * 32}
    for column, value in plain.items():
        with tampered(hub, receipt, {column: value}, key(receipt, last(hub, receipt))):
            assert "hub_receipt" in found_in(hub), column
    with tampered(hub, receipt, {"version_entry": 0}, key(receipt, last(hub, receipt, "version_entry"))):
        assert "hub_receipt" in found_in(hub)
    with tampered(hub, decision, {"rule_version": "x"}, key(decision, last(hub, decision))):
        assert "hub_decision" in found_in(hub)
    with deleted(hub, receipt, key(receipt, last(hub, receipt))):
        assert "hub_leaf" in found_in(hub)
    assert found_in(hub) == set()


def test_cases_are_worked_on_before_and_after_their_rows_move_to_new_keys(hub, worked, options):
    data_keys = open_keys(options)
    for name in ("columns", "index"):
        data_keys.rotate(name)
    new = replace(hub, data_keys=data_keys, vault=Vault(data_keys))
    again = replace_hub(worked, new)
    case = again.open(TEST.id, applicant=credit_code(1))
    before = by_material(again.decide(case))
    moved = rekey(new, "operator", step=2)
    assert moved["hub_case_party"] == 2 and moved["hub_decision"] == 2 and moved["hub_receipt"] and moved["hub_check_task"] == 1
    assert set(rekey(new, "operator").values()) == {0} and fsck(new).findings == ()
    after = by_material(again.decide(case))
    assert {code: one["outcome"] for code, one in before.items()} == {code: one["outcome"] for code, one in after.items()}
    assert hand_out(new, case, before["shop"]["receipt"]["id"], principal=again.principal).token == before["shop"]["receipt"]["token"]


def replace_hub(counter: Counter, hub) -> Counter:
    made = object.__new__(Counter)
    made.hub, made.principal, made.granted = hub, counter.principal, counter.granted
    return made
