"""What several pages show alike: rules by their sentences, rows under the veil, links to tickets and licenses, and what a person sees.

Nothing here decides who may: a page asks `own` before it shows anything of a body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import Depends, HTTPException, Query, Request
from fastapi import Path as PathParameter
from starlette.datastructures import FormData

from catalogs.model import Catalog, Resource
from quality import corrections
from quality.board.sheets import link
from quality.board.surroundings import Issued, Person, Surroundings
from quality.board.words import msgid
from quality.store.tables_tickets import correction, ticket
from quality.tickets.failing import REMOVED
from quality.tickets.states import Kind, Role
from quality.values import Cell, Veil, at_fault

SHANGHAI = ZoneInfo("Asia/Shanghai")
REMOVED_SENTENCE = "上一批有、本批没有的记录：源头是否误删"
DOUBTED = "校核申请：有人认为证照内容有误"
MOST_REASON = 500
MOST_NUMBER = 2**53
Number = Annotated[int, PathParameter(ge=0, le=MOST_NUMBER)]
"""Of a ticket, a row: in the address."""
After = Annotated[int, Query(ge=0, le=MOST_NUMBER)]
"""Where a page of a list begins."""


FATES = {"rejected": msgid("拒收"), "warned": msgid("提示"), REMOVED: msgid("减少")}
ROW_STATES = {"open": msgid("待更正"), "corrected": msgid("待复核"), "closed": msgid("已关闭")}


@dataclass(frozen=True)
class RuleShown:
    id: str
    sentence: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowShown:
    """A row as a table has it: its key, the values its rules look at, and all of them for the row's own page."""

    number: int
    key: str
    origin: str
    rules: tuple[RuleShown, ...]
    faults: tuple[Cell, ...]
    cells: tuple[Cell, ...]
    license: Issued | None


def rule_of(catalog: Catalog, resource: str, rule: str) -> RuleShown:
    """A rule by its sentence; its id where the catalogue has it no more (an engine's own, or one since removed)."""
    if rule in (REMOVED, corrections.RULE):
        return RuleShown(rule, REMOVED_SENTENCE if rule == REMOVED else DOUBTED)
    found = next((one for one in catalog.rules.get(resource, ()) if one.id == rule), None)
    return RuleShown(rule, (found.sentence or rule) if found else rule, found.fields if found else ())


def ticket_rule(catalog: Catalog, connection: sa.Connection, line: sa.Row) -> RuleShown:
    """What a ticket is about; of a request for correction, the fields that are doubted."""
    if line.kind != Kind.CORRECTION:
        return rule_of(catalog, line.resource, line.rule)
    doubted = connection.scalars(sa.select(correction.c.fields).where(correction.c.ticket == line.ticket)).all()
    return RuleShown(line.rule, DOUBTED, tuple(sorted({name for names in doubted for name in names})))


def shown(
    around: Surroundings, resource: Resource,
    rows: Iterable[tuple[int, str | None, str, Mapping[str, object], Sequence[RuleShown]]], *, whole: bool = False,
) -> list[RowShown]:  # fmt: skip
    """Rows (number, key, origin, values, rules) as a page shows them, with the licenses made of them."""
    veil, listed = Veil(resource), list(rows)
    issued = around.issued(resource.id, [key for _, key, *_ in listed if key])
    found = []
    for number, key, origin, values, rules in listed:
        cells = veil.cells(values, whole=whole)
        faults = at_fault(cells, {field for one in rules for field in one.fields})
        found.append(RowShown(number, veil.key(key, whole=whole), origin, tuple(rules), tuple(faults), tuple(cells), issued.get(key or "")))
    return found


async def filled_in(request: Request) -> FormData:
    """The form as sent, for those whose fields depend on the rows they are about."""
    return await request.form(max_files=0, max_fields=2_000)


Filled = Annotated[FormData, Depends(filled_in)]


def own(person: Person, body: str) -> None:
    """Raises 404 for staff of another body: who has what is no business of theirs (threats.md T34)."""
    if not person.sees(body):
        raise HTTPException(404)


def only(person: Person) -> str:
    """The body a person's view is limited to; '' for who sees all."""
    return (person.body or "?") if person.roles == {Role.BODY} else ""


def resource_of(around: Surroundings, name: str) -> Resource:
    """Raises 404."""
    if name not in around.catalog.resources:
        raise HTTPException(404)
    return around.catalog.resources[name]


@dataclass(frozen=True)
class Purpose:
    """Why somebody asks for whole values. `errors`: field → sentence, empty where it is said well."""

    code: str
    reason: str
    errors: Mapping[str, str]


def purpose(around: Surroundings, code: str, reason: str) -> Purpose:
    said, errors = reason.strip(), {}
    if code not in around.catalog.tickets.purposes:
        errors["purpose"] = msgid("请选择查看原值的用途")
    if not said:
        errors["why"] = msgid("请填写查看原值的理由")
    elif len(said) > MOST_REASON:
        errors["why"] = msgid("理由过长，请控制在 500 字以内")
    return Purpose(code, said, errors)


def local(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI)


def days_left(around: Surroundings, due_on: str) -> int:
    """Working days until a ticket is due; negative when past."""
    return around.catalog.workdays.between(local(around.now()).date(), date.fromisoformat(due_on))


def tickets_of(connection: sa.Connection, resource: str, rules: Iterable[str], body: str) -> dict[str, int]:
    """Rule → number of the newest ticket at a body, whatever its state."""
    query = sa.select(ticket.c.rule, sa.func.max(ticket.c.number)).where(
        ticket.c.resource == resource, ticket.c.body == body, ticket.c.rule.in_(list(rules))
    )
    return {rule: number for rule, number in connection.execute(query.group_by(ticket.c.rule))}


def filtered(request: Request, path: str, **changed: object) -> str:
    """A page's address with the filters of this request, some of them changed; '' and None leave one out."""
    return link(path, **{**request.query_params, **changed})
