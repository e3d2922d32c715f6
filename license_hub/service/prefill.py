"""预填: values for a matter's form out of licenses, shared rows and the case, each with where it is from, of when, and how sure.

A field's sources are tried in the order of the matter; the first with a value gives it. Only what the form names is looked at, and only
where somebody may look: a field left empty says why.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalogs.matter import FormField, LicenseWay, Prefill
from license_hub.domain.exemption import fault, rank
from license_hub.domain.license import FACE
from license_hub.domain.lifecycle import shanghai_date
from license_hub.domain.policy import GRADES
from license_hub.domain.verdict import Code
from license_hub.errors import CaseNotOpen, OverBudget
from license_hub.service.authenticate import Principal, still
from license_hub.service.authorize import Basis
from license_hub.service.budgets import looks, over_budget
from license_hub.service.canaries import recorded
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.material_facts import Known, gather, wanted_by_form
from license_hub.service.open_case import own
from license_hub.service.shared_rows import labelled
from license_hub.signing.commitment import instant
from license_hub.storage.engine import writing

NO_SOURCE, ABSENT, PARTY = "NO_SOURCE", "DATA_NOT_FOUND", "PARTY_MISSING"
SURE = {"A": "high", "B": "high", "C": "medium", "D": "low"}
"""Trust grade → confidence of a value on the license's face."""


def prefill(hub: Hub, case_id: int, *, principal: Principal, request_id: str, operator: str = "") -> dict[str, object]:
    """`{values, empty}` of the case's form. Raises NoSuchCase, CaseNotOpen, NotAuthenticated, OverBudget."""
    now = hub.now()
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        case = own(connection, hub, case_id, principal.client_id, lock=True)
        if not case.is_open:
            raise CaseNotOpen("the case is closed: nothing is looked at for it any more")
        if seconds := max(over_budget(hub, connection, looks(hub, case)), default=0):
            raise OverBudget(seconds)
        matter = hub.catalog.matter_version(case.matter, case.matter_version)
        [known] = gather(hub, connection, [(case, matter, wanted_by_form(matter))], [operator or case.operator])
        values, empty, used = [], [], {}
        for field in matter.form:
            given, source = _value(hub, known, field)
            if given is None:
                empty.append({"field": field.name, "title": field.title, "required": field.required, **_why(hub, source)})
            else:
                values.append({"field": field.name, "title": field.title, **given})
                if source.kind == "license":
                    used[source.party, source.of] = known.seen(source.party, str(given["of"])).license.entry
        recorded(hub, connection, now, _entries(hub, known, used, (request_id, principal.client_id)))
    return {"case_id": case_id, "matter": matter.id, "filled_at": instant(now), "values": values, "empty": empty}


def _value(hub: Hub, known: Known, field: FormField) -> tuple[dict[str, object] | None, Prefill | str]:
    """(value with its source, the source), or (None, the first reason it could not be filled in)."""
    reasons: list[str] = []
    for source in field.prefill:
        if source.party not in known.case.parties:
            reasons.append(PARTY)
            continue
        given, reason = {"case": _of_case, "license": _of_license, "share": _of_row}[source.kind](hub, known, source)
        if given is not None:
            return given, source
        reasons.append(reason)
    return None, reasons[0] if reasons else NO_SOURCE


def _of_case(_hub: Hub, known: Known, source: Prefill) -> tuple[dict[str, object] | None, str]:
    value = getattr(known.case.parties[source.party], source.field)
    told = {"value": value, "source": "case", "of": "", "as_of": known.case.opened_at, "confidence": "medium"}
    return (told, "") if value else (None, ABSENT)


def _of_license(hub: Hub, known: Known, source: Prefill) -> tuple[dict[str, object] | None, str]:
    said = known.bases[source.party, source.of]
    if not isinstance(said, Basis):
        return None, said.value
    found = sorted(known.licenses.get((source.party, source.of), ()), key=lambda one: rank(one.license))
    if not found:
        return None, known.absent[source.party, source.of].value
    way, today = LicenseWay((source.of,), (source.field,), GRADES[-1]), shanghai_date(hub.now())
    faults = [fault(way, one.license, today) for one in found]
    if None not in faults:
        return None, str(faults[0])
    best = found[faults.index(None)]
    made = best.license
    value = best.match.opened.fields[FACE + source.field]
    told = {"value": value, "source": "license", "of": made.identifier, "as_of": made.as_of, "confidence": SURE[made.grade]}
    return told, ""


def _of_row(hub: Hub, known: Known, source: Prefill) -> tuple[dict[str, object] | None, str]:
    said = known.bases[source.party, source.of]
    if not isinstance(said, Basis):
        return None, said.value
    for row in known.rows.get((source.party, source.of, source.number_field), ()):
        value = labelled(hub.catalog, source.of, source.field, row.values.get(source.field, ""))
        if value:
            confidence = "low" if row.stale else "medium" if row.late else "high"
            return {"value": value, "source": "share", "of": row.resource, "as_of": row.as_of, "confidence": confidence}, ""
    cause = known.no_row.get((source.party, source.of), Code.NOT_FOUND)
    return None, ABSENT if cause is Code.NOT_FOUND else cause.value


def _why(hub: Hub, reason: Prefill | str) -> dict[str, str]:
    code = {"NEEDS_AUTHORIZATION": "CONSENT_MISSING"}.get(str(reason), str(reason))
    return {"reason": code, "sentence": hub.catalog.messages[code].sentence}


def _entries(hub: Hub, known: Known, used: Mapping[tuple[str, str], int], who: tuple[str, str]) -> list[Entry]:
    """One look a party and source that was looked at, whether it gave anything or not. `used`: (party, type) → entry of the license."""
    looked = sorted({*known.wanted.types, *((party, resource) for party, resource, _ in known.wanted.shares)})
    about, entries = known.case, []
    for party, of in looked:
        if known.may(party, of):
            index = hub.crypt.blind_index("subject", about.parties[party].number)
            purpose = f"{known.matter.title}：{of}"
            entries.append(Entry(*who, "prefill", used.get((party, of)), index, None, "LOOKED", purpose, about.case_no))
    return entries or [Entry(*who, "prefill", None, None, None, "NOTHING_LOOKED_AT", known.matter.title, about.case_no)]
