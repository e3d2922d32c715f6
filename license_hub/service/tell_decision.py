"""A decision as its caller is told: per material the outcome, why, on what evidence, and the next step; as stored with the case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from catalogs.matter import GOVERNMENT, CancelWay, CheckWay, DeferWay, Material, PromiseWay
from license_hub.domain.exemption import Decided, Outcome, Tried
from license_hub.service.ask_department import note_of
from license_hub.service.authorize import Basis
from license_hub.service.hub import Hub
from license_hub.service.material_facts import Known
from license_hub.service.receipts import Draft, rule_version
from license_hub.signing.commitment import instant

OFFLINE = "不愿或不便授权的，可以提交材料原件，窗口照常受理。"
"""Nobody is sent away for want of a phone or of consent."""


def told(
    hub: Hub, known: Known, decision_id: str, decided: Sequence[tuple[str, Decided]], drafts: Mapping[str, Draft], now: datetime
) -> dict[str, object]:
    """JSON values. What the matter's list says of a material, what was decided, the signed receipt where there is one."""
    listed = [_material(hub, known, known.matter.material(code), found, drafts.get(code)) for code, found in decided]
    return {
        "decision_id": decision_id,
        "case_id": known.case.case_id,
        "case_no": known.case.case_no,
        "matter": known.matter.id,
        "matter_title": known.matter.title,
        "rule_version": rule_version(known, hub.catalog.version),
        "decided_at": instant(now),
        "summary": dict(Counter(one["outcome"] for one in listed)),
        "materials": listed,
    }


def _material(hub: Hub, known: Known, material: Material, found: Decided, draft: Draft | None) -> dict[str, object]:
    message = hub.catalog.messages[str(found.reason)]
    step = message.next_step if found.outcome is not Outcome.NEEDS_AUTHORIZATION else f"{message.next_step}{OFFLINE}"
    return {
        "material": material.code,
        "title": material.title,
        "channel": material.channel,
        "necessity": material.necessity,
        "party": material.party,
        "outcome": found.outcome.value,
        "reason": str(found.reason),
        "sentence": message.sentence,
        "next_step": step,
        "due_on": _due(known, material, found),
        "evidence": _evidence(hub, known, material, found),
        "terms": _terms(material, found),
        "contact": _contact(hub, material, found),
        "tried": [_tried(hub, one) for one in found.tried],
        "alternatives": list(found.alternatives),
        "reported": found.outcome is Outcome.SUBMIT and material.channel == GOVERNMENT,
        "receipt": {"id": draft.receipt.leaf_id, "token": draft.receipt.token, "leaf_hash": draft.receipt.leaf_hash.hex()}
        if draft
        else None,
    }


def _due(known: Known, material: Material, found: Decided) -> str | None:
    """Until when an answer, or what was promised, is due."""
    if found.outcome is Outcome.DEPARTMENT_CHECK:
        return known.questions[material.code].due_on
    return found.due_on.isoformat() if found.due_on else None


def _evidence(hub: Hub, known: Known, material: Material, found: Decided) -> dict[str, object] | None:
    if found.license is not None:
        one = found.license
        return {
            "kind": "license", "type": one.type_id, "identifier": one.identifier, "fields": list(found.fields), "grade": one.grade,
            "as_of": one.as_of, "fresh": not one.late, "valid_to": one.valid_to.isoformat() if one.valid_to else None,
            "others": list(found.others), "basis": _basis(known.bases.get((material.party, one.type_id))),
        }  # fmt: skip
    if found.row is not None:
        one = found.row
        return {
            "kind": "share", "resource": one.resource, "fields": list(found.fields), "as_of": one.as_of, "fresh": not one.late,
            "basis": _basis(known.bases.get((material.party, one.resource))),
        }  # fmt: skip
    asked = known.questions.get(material.code)
    if asked is not None and found.outcome in (Outcome.EXEMPT, Outcome.DEPARTMENT_CHECK, Outcome.SUBMIT):
        return {
            "kind": "check", "task": asked.task_id, "department": asked.department, "answer": asked.answer,
            "answered_at": asked.answered_at, "note": note_of(hub, asked),
        }  # fmt: skip
    return None


def _basis(basis: object) -> dict[str, str] | None:
    return {"kind": basis.kind, "id": basis.id} if isinstance(basis, Basis) else None


def _terms(material: Material, found: Decided) -> dict[str, object] | None:
    """What a promise or deferral says, or on what a cancellation rests."""
    way = material.ways[found.way] if found.way is not None else None
    if isinstance(way, PromiseWay | DeferWay):
        return {"kind": way.kind, "text": way.text, "liability": way.liability, "due_days": way.due_days}
    return {"kind": way.kind, "basis": way.basis} if isinstance(way, CancelWay) else None


def _contact(hub: Hub, material: Material, found: Decided) -> dict[str, str] | None:
    """Of the body that is asked, else of the one that issues the material."""
    way = material.ways[found.way] if found.way is not None else None
    name = way.department if isinstance(way, CheckWay) else material.department
    body = hub.catalog.departments.get(name or "")
    return {"department": body.id, "name": body.name, "contact": body.contact} if body else None


def _tried(hub: Hub, one: Tried) -> dict[str, str]:
    """Candidates and ways that did not count, each with its sentence."""
    said = {"kind": one.kind, "of": one.of, "reason": str(one.reason), "sentence": hub.catalog.messages[str(one.reason)].sentence}
    return said | ({"identifier": one.identifier} if one.identifier else {})
