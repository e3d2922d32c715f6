"""Which acts a person has on a ticket now, and carrying one out: what is missing is said in the words of the page."""

from __future__ import annotations

import sqlalchemy as sa

from quality.board.surroundings import Person, Surroundings
from quality.board.words import msgid
from quality.bodies import known
from quality.tickets.act import MOST_COMMENT, Request, act
from quality.tickets.record import counted, standing
from quality.tickets.states import STEPS, Act, ActRefused, Role, possible

REVIEWS = (Act.CONFIRM, Act.REJECT)


def acts_of(connection: sa.Connection, person: Person, line: sa.Row) -> list[Act]:
    """In the order of the table; of every role the person has. Staff of a body act on what their body has."""
    stand = standing(line, counted(connection, line.ticket))
    roles = [role for role in Role if role in person.roles and (role is not Role.BODY or person.body == line.handler)]
    return [one for role in roles for one in possible(stand, role)]


def carry_out(
    around: Surroundings, person: Person, line: sa.Row, name: str, reason: str, comment: str, to: str, rows: tuple[int, ...] | None
) -> dict[str, str]:
    """Field → what is wrong with it; empty where the act is done. `rows`: those chosen, None = all that wait."""
    with around.database.connect() as connection:
        acts = acts_of(connection, person, line)
        bodies = known(connection, around.catalog)
    if name not in set(acts):
        return {"": msgid("工单状态已变化，或这一步不归您办理。请按下面列出的事项办理。")}
    chosen = Act(name)
    errors = _missing(around, chosen, reason, comment, to, rows, bodies)
    if errors:
        return errors
    asked = Request(
        line.ticket, chosen, person.acting(STEPS[chosen].role), reason if STEPS[chosen].reason else "", comment,
        rows if chosen in REVIEWS else None, to if chosen is Act.TRANSFER else "",
    )  # fmt: skip
    try:
        act(around.catalog, asked, database=around.database, now=around.now())
    except (ActRefused, KeyError):
        # Somebody else acted in between.
        return {"": msgid("没有办成：工单或记录的状态刚刚变化了。请看最新状态后再办理。")}
    return {}


def _missing(
    around: Surroundings, chosen: Act, reason: str, comment: str, to: str, rows: tuple[int, ...] | None, bodies: set[str]
) -> dict[str, str]:
    step, errors = STEPS[chosen], {}
    if step.reason and reason not in around.catalog.tickets.reasons.get(chosen, {}):
        errors[f"{chosen}-reason"] = msgid("请选择原因")
    if step.comment and not comment.strip():
        errors[f"{chosen}-comment"] = msgid("请填写说明")
    if len(comment) > MOST_COMMENT:
        errors[f"{chosen}-comment"] = msgid("说明过长，请控制在 2000 字以内")
    if chosen is Act.TRANSFER and to not in bodies:
        errors[f"{chosen}-to"] = msgid("请选择转给哪个单位")
    if chosen in REVIEWS and rows == ():
        errors["rows-title"] = msgid("请勾选要复核的记录，或选择全部待复核的记录")
    return errors
