"""Materials that government bodies issued and that were handed in all the same: how often, of which matter, for which reason.

What counts is a case's last decision in the period; of a material decided anew only how it stood at the end. Counts, nobody's name.
Source: issue 5 §2 (材料来源渠道 20 of standards.md §6.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa

from catalogs.matter import GOVERNMENT
from catalogs.model import Catalog
from license_hub.domain.exemption import Outcome
from license_hub.domain.lifecycle import SHANGHAI
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading
from license_hub.storage.tables_cases import case, decision, receipt


@dataclass(frozen=True)
class Submitted:
    """One line: a material of a matter, handed in for one reason."""

    matter: str
    matter_title: str
    material: str
    material_title: str
    department: str
    """Id of the body that issues the material, '' where the matter's list names none."""
    department_name: str
    reason: str
    sentence: str
    submissions: int
    cases: int
    """Cases of the matter that were decided in the period."""


def submissions(hub: Hub, first: date, last: date) -> list[Submitted]:
    """Of decisions of these days in Shanghai, both counted in; the most frequent first."""
    start, end = (instant(datetime.combine(day, time(), SHANGHAI)) for day in (first, last + timedelta(days=1)))
    within = (decision.c.recorded_at >= start, decision.c.recorded_at < end)
    newest = sa.select(decision.c.case_id, sa.func.max(decision.c.seq).label("seq")).where(*within).group_by(decision.c.case_id).subquery()
    standing = (
        sa.select(decision.c.decision_id, case.c.matter)
        .join(newest, sa.and_(newest.c.case_id == decision.c.case_id, newest.c.seq == decision.c.seq))
        .join(case, case.c.case_id == decision.c.case_id)
        .cte("standing")
    )
    of = (receipt.c.matter, receipt.c.material, receipt.c.reason)
    handed_in = (receipt.c.outcome == Outcome.SUBMIT.value, receipt.c.channel == GOVERNMENT)
    counted = (
        sa.select(*of, sa.func.count().label("submissions"))
        .join(standing, standing.c.decision_id == receipt.c.decision_id)
        .where(*handed_in)
        .group_by(*of)
    )
    with reading(hub.engine, one_state=True) as connection:
        decided = dict(connection.execute(sa.select(standing.c.matter, sa.func.count()).group_by(standing.c.matter)).all())
        found = [_line(hub.catalog, row, decided[row.matter]) for row in connection.execute(counted)]
    return sorted(found, key=lambda one: (-one.submissions, one.matter, one.material, one.reason))


def _line(catalog: Catalog, row: sa.Row, decided: int) -> Submitted:
    """A matter or material that the catalogue no longer has is told by its code."""
    matter = catalog.matters.get(row.matter)
    material = next((one for one in matter.materials if one.code == row.material), None) if matter else None
    body = catalog.departments.get((material.department if material else None) or "")
    message = catalog.messages.get(row.reason)
    return Submitted(
        matter=row.matter,
        matter_title=matter.title if matter else row.matter,
        material=row.material,
        material_title=material.title if material else row.material,
        department=body.id if body else "",
        department_name=body.name if body else "",
        reason=row.reason,
        sentence=message.sentence if message else "",
        submissions=row.submissions,
        cases=decided,
    )
