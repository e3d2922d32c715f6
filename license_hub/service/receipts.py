"""Receipts: what they say, how one is handed out again with its proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from catalogs.masking import Mask, masked
from license_hub.domain.exemption import Decided, Outcome
from license_hub.errors import NoSuchCase
from license_hub.log import bundle as proofs
from license_hub.log import checkpoint as checkpoints
from license_hub.log.proof import inclusion_proof
from license_hub.service.authenticate import Principal, still
from license_hub.service.authorize import Basis
from license_hub.service.hub import Hub
from license_hub.service.material_facts import Known
from license_hub.service.open_case import own
from license_hub.service.witnessing import proof_checkpoint
from license_hub.signing import receipt as receipts
from license_hub.signing.commitment import SECRET_BYTES, instant
from license_hub.signing.receipt import Receipt
from license_hub.signing.suites import Signer
from license_hub.storage.engine import reading
from license_hub.storage.tables_cases import receipt

TITLES = {Outcome.EXEMPT: "免提交核验回执", Outcome.SUBMIT: "未满足免提交条件说明"}


@dataclass(frozen=True)
class Draft:
    """A signed receipt and the columns of its row."""

    receipt: Receipt
    channel: str
    outcome: str
    reason: str
    version_entry: int | None


@dataclass(frozen=True)
class HandedOut:
    receipt_id: str
    entry: int
    token: str
    proof: str | None
    """The .tlog-proof; None until a checkpoint covers the entry."""


def draft(hub: Hub, signer: Signer, known: Known, code: str, found: Decided, *, decision_id: str, operator: str, now: datetime) -> Draft:
    """The receipt of one decided material."""
    material = known.matter.material(code)
    fields = _common(known, code, decision_id, operator, now) | {
        "title": TITLES[found.outcome], "outcome": found.outcome.value, "reason": str(found.reason),
    } | _evidence(known, material.code, material.party, found)  # fmt: skip
    if found.tried:
        fields["tried"] = ";".join(f"{one.kind}:{one.of}:{one.reason}" for one in found.tried)
    told = {name: value for name, value in fields.items() if value}
    made = receipts.make(signer, hub.public_url, now, hub.entropy(16).hex(), hub.entropy(SECRET_BYTES), told)
    return Draft(made, material.channel, found.outcome.value, str(found.reason), found.license.entry if found.license else None)


def rule_version(known: Known, catalog_version: str) -> str:
    """By which list it was decided: the matter's version and the catalogue's."""
    return f"{known.matter.id}/{known.matter.version}@{catalog_version}"


def hand_out(hub: Hub, case_id: int, receipt_id: str, *, principal: Principal) -> HandedOut:
    """A receipt of an own case, open or closed. Raises NoSuchCase, NotAuthenticated, DecryptionError."""
    with reading(hub.engine) as connection:
        still(hub, connection, principal)
        own(connection, hub, case_id, principal.client_id)
        mine = (receipt.c.case_id == case_id, receipt.c.receipt_id == receipt_id)
        row = connection.execute(sa.select(receipt).where(*mine)).one_or_none()
        if row is None:
            raise NoSuchCase("the case has no receipt of that id")
        return handed_out(hub, connection, row)


def handed_out(hub: Hub, connection: sa.Connection, row: sa.Row) -> HandedOut:
    """The stored receipt with its proof, as far as there is one."""
    token = hub.crypt.decrypt("hub_receipt", "payload", row.receipt_id, row.payload).decode()
    return HandedOut(row.receipt_id, row.entry, token, proof_of(hub, connection, row.entry))


def proof_of(hub: Hub, connection: sa.Connection, entry: int) -> str | None:
    """The .tlog-proof of an entry of the licenses' log; None until a checkpoint covers it."""
    note = proof_checkpoint(hub, connection, entry)
    if note is None:
        return None
    size = checkpoints.parse(note).size
    return proofs.Proof(entry, tuple(inclusion_proof(hub.tiles, entry, size)), note).text


def _common(known: Known, code: str, decision_id: str, operator: str, now: datetime) -> dict[str, str]:
    case, matter, material = known.case, known.matter, known.matter.material(code)
    holder = case.parties.get(material.party)
    return {
        "case_no": case.case_no,
        "client": case.client_id,
        "decision": decision_id,
        "decided_at": instant(now),
        "operator": operator,
        "window": case.window,
        "matter": matter.title,
        "task_code": matter.task_code,
        "matter_version": matter.version,
        "material": material.code,
        "material_title": material.title,
        "channel": material.channel,
        "party": matter.parties[material.party],
        "holder": masked(holder.name, Mask.NAME) if holder else "",
        "holder_number": masked(holder.number, Mask.NUMBER) if holder else "",
    }


def _evidence(known: Known, code: str, party: str, found: Decided) -> dict[str, str]:
    """What an auditor asks for years later: which license or row, as of when, what of it, on what it was used; or who confirmed it."""
    if found.license is not None:
        one = found.license
        opened = known.seen(party, one.identifier).match.opened
        return {
            "license": one.identifier, "license_type": one.type_id, "license_leaf": opened.leaf_hash.hex() if opened else "",
            "verdict": one.code.value, "grade": one.grade, "as_of": one.as_of, "freshness": "late" if one.late else "on_time",
            "valid_to": one.valid_to.isoformat() if one.valid_to else "", "relied_on": ";".join(found.fields),
        } | _basis(known.bases.get((party, one.type_id)))  # fmt: skip
    if found.row is not None:
        one = found.row
        return {
            "resource": one.resource, "row": one.row, "as_of": one.as_of, "freshness": "late" if one.late else "on_time",
            "relied_on": ";".join(found.fields),
        } | _basis(known.bases.get((party, one.resource)))  # fmt: skip
    asked = known.questions.get(code)
    if found.outcome is Outcome.EXEMPT and asked is not None and asked.answer is not None:
        return {"task": asked.task_id, "department": asked.department, "answered_at": asked.answered_at, "answered_by": asked.answered_by}
    return {}


def _basis(basis: object) -> dict[str, str]:
    return {"basis": basis.kind, "basis_id": basis.id} if isinstance(basis, Basis) else {}
