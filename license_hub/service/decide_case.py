"""What of a case's materials need not be handed in: many cases at once, one transaction.

1. cases      read and locked: none closes while it is decided on
2. facts      `material_facts.gather`, for all materials of all cases together
3. decision   `domain.exemption.decide`, material by material
4. receipts   one for each EXEMPT and each SUBMIT, signed at once (`receipts`); their leaves in this transaction
5. questions  a task at the issuing body for each DEPARTMENT_CHECK that has none yet
6. audit      one entry a material, of its party: no audit, no answer

A decision says how things stand now. Asked again it is made again: consent may have come, a license may be gone.
Source: issue 5 §2; design.md decisions 2, 5 and 9.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain.exemption import Decided, Outcome, decide
from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import CaseNotOpen, HubError, NoSuchCase, OverBudget
from license_hub.service import ask_department, tell_decision
from license_hub.service.authenticate import Principal, still
from license_hub.service.behind import refuse_if_behind
from license_hub.service.budgets import looks, over_budget
from license_hub.service.canaries import recorded
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry
from license_hub.service.material_facts import Known, gather, wanted_by_materials
from license_hub.service.open_case import own
from license_hub.service.receipts import Draft, draft
from license_hub.signing.commitment import instant
from license_hub.storage import bulk, cases, tables
from license_hub.storage.cases import Case
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import advance_log, lock_log
from license_hub.storage.tables_cases import decision, receipt


@dataclass(frozen=True)
class Asked:
    case_id: int
    principal: Principal
    request_id: str = ""
    operator: str = ""
    """Who asks; without one, the case's operator."""


@dataclass(frozen=True)
class Made:
    """A decision: `told` is its answer, entries and leaf hashes those of its receipts."""

    told: Mapping[str, object]
    entries: tuple[int, ...]


def last_decision(hub: Hub, case_id: int, *, principal: Principal) -> Mapping[str, object] | None:
    """What was answered last on an own case, open or closed; nothing is looked at. Raises NoSuchCase, NotAuthenticated."""
    with reading(hub.engine) as connection:
        still(hub, connection, principal)
        own(connection, hub, case_id, principal.client_id)
        query = sa.select(decision).where(decision.c.case_id == case_id).order_by(decision.c.seq.desc()).limit(1)
        row = connection.execute(query).first()
        return json.loads(hub.crypt.decrypt("hub_decision", "payload", row.decision_id, row.payload)) if row else None


@dataclass
class _Work:
    """One case on its way."""

    asked: Asked
    known: Known
    decision_id: str
    seq: int
    decided: list[tuple[str, Decided]]
    """Material code → decision, in the matter's order."""
    drafts: dict[str, Draft]
    """By material."""

    @property
    def operator(self) -> str:
        return self.asked.operator or self.known.case.operator


def decide_case(hub: Hub, asked: Asked) -> Made:
    """One. Raises NoSuchCase, CaseNotOpen, NotAuthenticated."""
    [made] = decide_cases(hub, [asked])
    if isinstance(made, HubError):
        raise made
    return made


def decide_cases(hub: Hub, requests: Sequence[Asked]) -> list[Made | HubError]:
    """One answer a request, in order; a refusal is the answer of its own request alone."""
    now, answers = hub.now(), dict[int, Made | HubError]()
    with writing(hub.engine) as connection:
        open_cases = _open_cases(hub, connection, requests, answers)
        _charge(hub, connection, requests, open_cases, answers)
        if not open_cases:
            return [answers[id(one)] for one in requests]
        work = _decided(hub, connection, requests, open_cases, now)
        for one in work:
            ask_department.ask(hub, connection, one.known, [code for code, made in one.decided if made.outcome is Outcome.DEPARTMENT_CHECK])
        told = [tell_decision.told(hub, one.known, one.decision_id, one.decided, one.drafts, now) for one in work]
        entries = _store(hub, connection, work, told, now)
        recorded(hub, connection, now, [entry for one in work for entry in _audited(hub, one)])
    for one, answer, places in zip(work, told, entries, strict=True):
        answers[id(one.asked)] = Made(answer, places)
    return [answers[id(one)] for one in requests]


def _open_cases(hub: Hub, connection: sa.Connection, requests: Sequence[Asked], answers: dict[int, Made | HubError]) -> dict[int, Case]:
    """By the request's identity; who is refused has an answer instead."""
    found = cases.read(connection, hub.crypt, [one.case_id for one in requests], lock=True)
    checked: dict[Principal, HubError | None] = {}
    given = {}
    for one in requests:
        case = found.get(one.case_id)
        if one.principal not in checked:
            checked[one.principal] = _refusal(hub, connection, one.principal)
        refused = checked[one.principal]
        if refused is None and (case is None or case.client_id != one.principal.client_id):
            refused = NoSuchCase("no case of that id is this client's")
        if refused is None and not case.is_open:
            refused = CaseNotOpen("the case is closed: nothing is looked at for it any more")
        if refused is None:
            given[id(one)] = case
        else:
            answers[id(one)] = refused
    return given


def _charge(
    hub: Hub, connection: sa.Connection, requests: Sequence[Asked], open_cases: dict[int, Case], answers: dict[int, Made | HubError]
) -> None:
    """A decision is a look at each of the case's parties; one that its client's budget does not allow is no open case any more here."""
    paid = [(one, charge) for one in requests if id(one) in open_cases for charge in looks(hub, open_cases[id(one)])]
    for (one, _), seconds in zip(paid, over_budget(hub, connection, [charge for _, charge in paid]), strict=True):
        if seconds and open_cases.pop(id(one), None):
            answers[id(one)] = OverBudget(seconds)


def _refusal(hub: Hub, connection: sa.Connection, principal: Principal) -> HubError | None:
    try:
        still(hub, connection, principal)
    except HubError as refused:
        return refused
    return None


def _decided(hub: Hub, connection: sa.Connection, requests: Sequence[Asked], open_cases: Mapping[int, Case], now: datetime) -> list[_Work]:
    asked = [one for one in requests if id(one) in open_cases]
    listed = [open_cases[id(one)] for one in asked]
    matters = [hub.catalog.matter_version(case.matter, case.matter_version) for case in listed]
    wanted = [(case, matter, wanted_by_materials(matter)) for case, matter in zip(listed, matters, strict=True)]
    known = gather(hub, connection, wanted, [one.operator or case.operator for one, case in zip(asked, listed, strict=True)])
    taken = _sequence(connection, [case.case_id for case in listed])
    signer, today, work = hub.keyring.signer("status"), shanghai_date(now), []
    for one, facts in zip(asked, known, strict=True):
        taken[one.case_id] += 1
        decided = [(material.code, decide(material, facts.facts(material.code), today)) for material in facts.matter.materials]
        made = _Work(one, facts, hub.entropy(16).hex(), taken[one.case_id], decided, {})
        made.drafts = {
            code: draft(hub, signer, facts, code, found, decision_id=made.decision_id, operator=made.operator, now=now)
            for code, found in decided
            if found.outcome in (Outcome.EXEMPT, Outcome.SUBMIT)
        }
        work.append(made)
    return work


def _sequence(connection: sa.Connection, case_ids: list[int]) -> Counter[int]:
    """How many decisions each case has."""
    query = sa.select(decision.c.case_id, sa.func.max(decision.c.seq).label("seq")).where(decision.c.case_id.in_(case_ids))
    return Counter({row.case_id: row.seq for row in connection.execute(query.group_by(decision.c.case_id))})


def _store(
    hub: Hub, connection: sa.Connection, work: Sequence[_Work], told: Sequence[Mapping[str, object]], now: datetime
) -> list[tuple[int, ...]]:
    """Rows and leaves. The log's lock is taken last, so that signing and encrypting wait for nobody. Each case's entries."""
    at, seal = instant(now), hub.crypt.sealer("hub_decision", "payload")
    decisions = [
        (one.decision_id, one.asked.case_id, one.operator, answer["rule_version"], one.asked.request_id,
         seal(one.decision_id, json.dumps(answer, ensure_ascii=False).encode(), hub.entropy(NONCE_BYTES)), at, one.seq)
        for one, answer in zip(work, told, strict=True)
    ]  # fmt: skip
    seal = hub.crypt.sealer("hub_receipt", "payload")
    drafts = [(one, code, made, seal(made.receipt.leaf_id, made.receipt.token.encode(), hub.entropy(NONCE_BYTES)))
              for one in work for code, made in one.drafts.items()]  # fmt: skip
    bulk.insert(connection, decision, decisions)
    first = lock_log(connection)
    refuse_if_behind(hub.tiles, first)
    leaves, rows, places = [], [], {id(one): [] for one in work}
    for entry, (one, code, made, cell) in enumerate(drafts, start=first):
        about = (one.asked.case_id, one.decision_id, one.known.matter.id, code, made.channel, made.outcome, made.reason, made.version_entry)
        leaves.append((entry, made.receipt.leaf, made.receipt.leaf_hash))
        rows.append((entry, made.receipt.leaf_id, *about, cell, at))
        places[id(one)].append(entry)
    if drafts:
        bulk.insert(connection, tables.leaf, leaves)
        bulk.insert(connection, receipt, rows)
        advance_log(connection, first + len(drafts))
    return [tuple(places[id(one)]) for one in work]


def _audited(hub: Hub, work: _Work) -> list[Entry]:
    """One look a material that was about somebody; a material nobody was named for is told of nobody."""
    known, entries = work.known, []
    indexes = {name: hub.crypt.blind_index("subject", one.number) for name, one in known.case.parties.items()}
    for code, found in work.decided:
        material = known.matter.material(code)
        entry = found.license.entry if found.license else None
        index = indexes.get(material.party)
        purpose = f"{known.matter.title}：{material.title}"
        who = (work.asked.request_id, work.asked.principal.client_id, "decide", entry, index)
        entries.append(Entry(*who, found.outcome.value, str(found.reason), purpose, known.case.case_no))
    return entries
