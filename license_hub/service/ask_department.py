"""部门核验: the issuing body is asked about a material, once a case, and answers within its working days."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from catalogs.matter import CheckWay
from license_hub.domain.lifecycle import shanghai_date
from license_hub.service.hub import Hub
from license_hub.service.material_facts import Known
from license_hub.signing.commitment import instant
from license_hub.storage.engine import is_postgres
from license_hub.storage.tables_cases import task


def ask(hub: Hub, connection: sa.Connection, known: Known, materials: Sequence[str]) -> None:
    """Opens the tasks that are missing; `known.questions` has them all afterwards."""
    missing = [code for code in materials if code not in known.questions]
    if not missing:
        return
    connection.execute(_insert(connection).values([_task(hub, known, code) for code in missing]).on_conflict_do_nothing())
    mine = (task.c.case_id == known.case.case_id, task.c.material.in_(missing))
    known.questions.update({row.material: row for row in connection.execute(sa.select(task).where(*mine))})


def note_of(hub: Hub, row: sa.Row) -> str:
    """The issuing body's words to its answer, '' without any."""
    return hub.crypt.decrypt("hub_check_task", "note", row.task_id, row.note).decode() if row.note is not None else ""


def _task(hub: Hub, known: Known, code: str) -> dict[str, object]:
    material, now = known.matter.material(code), hub.now()
    way = next(one for one in material.ways if isinstance(one, CheckWay))
    return {
        "task_id": hub.entropy(16).hex(),
        "case_id": known.case.case_id,
        "material": code,
        "party": material.party,
        "department": way.department,
        "opened_at": instant(now),
        "due_on": hub.catalog.workdays.after(shanghai_date(now), way.working_days).day.isoformat(),
        "answer": None, "answered_by": None, "answered_at": None, "note": None,
    }  # fmt: skip


def _insert(connection: sa.Connection):
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if is_postgres(connection) else sqlite).insert(task)
