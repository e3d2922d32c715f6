"""部门核验, the issuing body's side: what counters ask it, and its answer, which returns to the case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.domain.exemption import CONFIRMED, DENIED, UNKNOWN
from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import CaseNotOpen, NoSuchCase
from license_hub.service.ask_department import note_of
from license_hub.service.authenticate import Principal, still
from license_hub.service.canaries import recorded
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import instant
from license_hub.storage import cases
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import writing
from license_hub.storage.idempotency import Call, complete, intend
from license_hub.storage.tables_cases import case, task

SCOPE = "case:check"
ANSWERS = (CONFIRMED, DENIED, UNKNOWN)
MOST = 200
"""Tasks of one answer."""


@dataclass(frozen=True)
class Said:
    answer: str
    note: str


def list_tasks(hub: Hub, *, principal: Principal, request_id: str) -> list[dict[str, object]]:
    """What the client's organ is asked and has not answered, the most urgent first. Whom it is about is told, so the look is recorded.

    Raises NotAuthenticated.
    """
    now = hub.now()
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        waiting = (task.c.department.in_(_departments(hub, principal)), task.c.answer.is_(None), case.c.state == cases.OPEN)
        query = sa.select(task).join(case, case.c.case_id == task.c.case_id).where(*waiting)
        rows = connection.execute(query.order_by(task.c.due_on, task.c.task_id).limit(MOST)).all()
        found = cases.read(connection, hub.crypt, [row.case_id for row in rows])
        told = [_asked(hub, row, found[row.case_id], shanghai_date(now).isoformat()) for row in rows]
        record(connection, now, [_entry(hub, request_id, principal, row, found[row.case_id], "SHOWN") for row in rows])
    return told


def answer_task(
    hub: Hub, task_id: str, said: Said, *, principal: Principal, request_id: str, once: Call
) -> tuple[Mapping[str, object], bool]:
    """(the task as told, whether it is the answer of an earlier call). The first answer stands.

    Raises NoSuchCase, CaseNotOpen where it is answered or its case closed, KeyReused, NotAuthenticated.
    """
    if said.answer not in ANSWERS:
        raise ValueError("answer: " + ", ".join(ANSWERS))
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        known = intend(connection, hub.crypt, once, hub.now())
        if known is not None and known.answer is not None:
            return known.answer, True
        row = connection.execute(sa.select(task).where(task.c.task_id == task_id)).one_or_none()
        if row is None or row.department not in _departments(hub, principal):
            raise NoSuchCase("no task of that id is this organ's")
        found = cases.read(connection, hub.crypt, [row.case_id], lock=True)[row.case_id]
        sealed = hub.crypt.encrypt("hub_check_task", "note", task_id, said.note.encode(), hub.entropy(NONCE_BYTES)) if said.note else None
        values = {"answer": said.answer, "answered_by": principal.client_id, "answered_at": instant(hub.now()), "note": sealed}
        waiting = (task.c.task_id == task_id, task.c.answer.is_(None))
        if not found.is_open or not connection.execute(sa.update(task).where(*waiting).values(values)).rowcount:
            raise CaseNotOpen("the task is answered, or its case is closed")
        told = {"task": task_id, "answer": said.answer, "answered_at": values["answered_at"]}
        complete(connection, hub.crypt, once, 200, told, hub.entropy(NONCE_BYTES))
        recorded(hub, connection, hub.now(), [_entry(hub, request_id, principal, row, found, said.answer)])
    return told, False


def tasks_of(hub: Hub, connection: sa.Connection, case_id: int) -> list[dict[str, object]]:
    """A case's questions with their answers, for its own client."""
    query = sa.select(task).where(task.c.case_id == case_id).order_by(task.c.material)
    return [
        {
            "task": row.task_id, "material": row.material, "department": row.department, "opened_at": row.opened_at, "due_on": row.due_on,
            "answer": row.answer, "answered_at": row.answered_at,
            "note": note_of(hub, row),
        }
        for row in connection.execute(query)
    ]  # fmt: skip


def _departments(hub: Hub, principal: Principal) -> list[str]:
    """Departments the client's organ is."""
    return [one.id for one in hub.catalog.departments.values() if principal.organ and one.credit_code == principal.organ]


def _asked(hub: Hub, row: sa.Row, found: cases.Case, today: str) -> dict[str, object]:
    matter = hub.catalog.matter_version(found.matter, found.matter_version)
    holder, material = found.parties[row.party], matter.material(row.material)
    return {
        "task": row.task_id, "matter": matter.title, "material": row.material, "material_title": material.title, "name": holder.name,
        "number": holder.number, "code_type": holder.code_type, "asked_by": found.client_id, "case_no": found.case_no,
        "opened_at": row.opened_at, "due_on": row.due_on, "overdue": row.due_on < today,
    }  # fmt: skip


def _entry(hub: Hub, request_id: str, principal: Principal, row: sa.Row, found: cases.Case, code: str) -> Entry:
    subject = hub.crypt.blind_index("subject", found.parties[row.party].number)
    return Entry(
        request_id, principal.client_id, "check", None, subject, None, code, hub.catalog.matters[found.matter].title, found.case_no
    )
