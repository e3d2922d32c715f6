"""What people do with a ticket: accept, return, extend, dispute, confirm … Each act is one transaction with its event.

Who may do what, and when, is the table of `states`; a body's staff act only on tickets their body has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.store.tables_tickets import ticket_row
from quality.store.writing import writing
from quality.tickets.record import Actor, counted, keep, locked, note, standing
from quality.tickets.states import STEPS, Act, ActRefused, Role, RowState, after

MOST_COMMENT = 2_000


@dataclass(frozen=True)
class Request:
    """One act. `rows`: those it is about, for CONFIRM and REJECT (None = all that wait for review); `to`: the body of a TRANSFER."""

    ticket: str
    act: Act
    actor: Actor
    reason: str = ""
    comment: str = ""
    rows: tuple[int, ...] | None = None
    to: str = ""


def act(catalog: Catalog, request: Request, *, database: sa.Engine, now: datetime) -> str:
    """Carries the act out; returns the ticket's state after it. Raises ActRefused, KeyError for an unknown ticket."""
    with writing(database) as connection:
        line = locked(connection, request.ticket)
        if request.actor.role is Role.BODY and request.actor.body != line.handler:
            # As if it were not there: who has which ticket is no business of other bodies.
            raise KeyError(request.ticket)
        _check_words(catalog, request)
        changed = after(standing(line, counted(connection, request.ticket)), request.act, Role(request.actor.role))
        figures = _effect(catalog, connection, line, request, changed, now)
        note(connection, request.ticket, request.actor, request.act, now, reason=request.reason, comment=request.comment.strip(), **figures)
        return keep(connection, request.ticket, now, **changed).state


def _check_words(catalog: Catalog, request: Request) -> None:
    step, known = STEPS[request.act], catalog.tickets.reasons.get(request.act, {})
    if step.reason and request.reason not in known:
        raise ActRefused(f"{request.act} needs a reason: {', '.join(known)}")
    if not step.reason and request.reason:
        raise ActRefused(f"{request.act} takes no reason code")
    if step.comment and not request.comment.strip():
        raise ActRefused(f"{request.act} needs a comment")
    if len(request.comment) > MOST_COMMENT:
        raise ActRefused(f"a comment has at most {MOST_COMMENT} characters")
    if (request.act is Act.TRANSFER) != bool(request.to):
        raise ActRefused("a transfer, and nothing else, names the body it goes to")


def _effect(
    catalog: Catalog, connection: sa.Connection, line: sa.Row, request: Request, changed: dict[str, object], now: datetime
) -> dict[str, object]:
    """Changes beyond phase and questions; returns the event's figures."""
    if request.act in (Act.CONFIRM, Act.REJECT):
        return {"rows": _review(connection, line, request, now)}
    if request.act is Act.GRANT:
        due = catalog.workdays.after(date.fromisoformat(line.due_on), catalog.tickets.extension_days)
        changed["due_on"] = due.day.isoformat()
        return {"due_on": changed["due_on"], "assumed": list(due.assumed)}
    if request.act is Act.TRANSFER:
        changed["handler"] = request.to
        return {"to": request.to}
    return {}


def _review(connection: sa.Connection, line: sa.Row, request: Request, now: datetime) -> int:
    """Closes or re-opens rows that wait for review. Raises ActRefused for a row that does not wait."""
    waiting = sa.select(ticket_row.c.row).where(ticket_row.c.ticket == line.ticket, ticket_row.c.state == RowState.CORRECTED)
    found = set(connection.scalars(waiting))
    rows = sorted(found if request.rows is None else request.rows)
    if strange := _outside(rows, found):
        raise ActRefused(f"rows {', '.join(map(str, strange))} of the ticket do not wait for review")
    to = RowState.CLOSED if request.act is Act.CONFIRM else RowState.OPEN
    mine = (ticket_row.c.ticket == line.ticket, ticket_row.c.row == sa.bindparam("b_row"))
    # The same content would pass the rule again: only another one corrects a refused row (`moves`).
    values = {"state": to, "changed_at": now, "refused": request.act is Act.REJECT}
    connection.execute(sa.update(ticket_row).where(*mine).values(values), [{"b_row": row} for row in rows])
    return len(rows)


def _outside(rows: Iterable[int], found: set[int]) -> Sequence[int]:
    return [row for row in rows if row not in found][:10]
