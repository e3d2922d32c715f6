"""Cases as they are stored: receipts against their leaves and the licenses they name, every encrypted cell against its row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import DecryptionError, HubError
from license_hub.service.hub import Hub
from license_hub.signing import receipt as receipts
from license_hub.storage.cases import party_place
from license_hub.storage.tables import leaf
from license_hub.storage.tables_cases import decision, party, receipt, task

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

_named = leaf.alias("named")


def inspect_receipts(hub: Hub, connection: sa.Connection, start: int, stop: int, findings: Findings) -> dict[int, tuple[str, bytes | None]]:
    """Entry → (table, the leaf its receipt gives), like the other inspections."""
    made: dict[int, tuple[str, bytes | None]] = {}
    query = sa.select(receipt, _named.c.leaf_hash.label("license_leaf")).outerjoin(_named, _named.c.entry == receipt.c.version_entry)
    for row in connection.execute(query.where(receipt.c.entry >= start, receipt.c.entry < stop)):
        findings.checked["hub_receipt"] += 1
        made[row.entry] = ("hub_receipt", None)
        try:
            token = hub.crypt.decrypt("hub_receipt", "payload", row.receipt_id, row.payload).decode()
            fields, content = receipts.read(token, hub.security.keys("status"))
        except (HubError, ValueError):
            findings.add("hub_receipt", f"entry {row.entry}", "payload or receipt_id was changed: it is no receipt of this hub's")
            continue
        made[row.entry] = ("hub_receipt", content)
        told = (fields.get("decision"), fields.get("material"), fields.get("channel"), fields.get("outcome"), fields.get("reason"))
        if told != (row.decision_id, row.material, row.channel, row.outcome, row.reason) or fields.get("decided_at") != row.recorded_at:
            findings.add("hub_receipt", f"entry {row.entry}", "decision, material, outcome, reason or recorded_at is not the receipt's")
        named = bytes(row.license_leaf).hex() if row.license_leaf is not None else None
        if fields.get("license_leaf") != named:
            findings.add("hub_receipt", f"entry {row.entry}", "version_entry is not the license the receipt names")
    return made


def inspect_cases(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    for row in connection.execute(sa.select(party).execution_options(yield_per=1000)):
        findings.checked["hub_case_party"] += 1
        place = party_place(row.case_id, row.party)
        try:
            number = json.loads(hub.crypt.decrypt("hub_case_party", "payload", place, row.payload))["number"]
        except (DecryptionError, ValueError):
            findings.add("hub_case_party", place, "payload, case_id or party was changed")
            continue
        if bytes(row.number_bi) not in hub.crypt.probes("holder", number):
            findings.add("hub_case_party", place, "number_bi is not that of the party's number")
    for row in connection.execute(sa.select(decision).execution_options(yield_per=1000)):
        findings.checked["hub_decision"] += 1
        try:
            told = json.loads(hub.crypt.decrypt("hub_decision", "payload", row.decision_id, row.payload))
        except (DecryptionError, ValueError):
            findings.add("hub_decision", row.decision_id, "payload or decision_id was changed")
            continue
        if (told["case_id"], told["rule_version"], told["decided_at"]) != (row.case_id, row.rule_version, row.recorded_at):
            findings.add("hub_decision", row.decision_id, "case_id, rule_version or recorded_at is not what was answered")
    for row in connection.execute(sa.select(task).where(task.c.note.is_not(None))):
        findings.checked["hub_check_task"] += 1
        try:
            hub.crypt.decrypt("hub_check_task", "note", row.task_id, row.note)
        except DecryptionError:
            findings.add("hub_check_task", row.task_id, "note or task_id was changed")
