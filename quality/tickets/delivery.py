"""Tickets for a delivery that failed as a whole: late, too large, too small. No row is at fault, so row 1 stands for the delivery.

It is open until a later delivery passes the rule (待复核), and a person closes it; a delivery that fails again opens it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from catalogs.model import Catalog, Rule
from quality import responsible
from quality.store.tables import outcome
from quality.store.tables_tickets import ticket_row
from quality.store.writing import writing
from quality.tickets import entry
from quality.tickets.entry import Case
from quality.tickets.record import Actor, keep, note
from quality.tickets.states import Kind, Role, RowState

ROW = 1
"""The number of the one row such a ticket has."""


def is_about_deliveries(rule: Rule) -> bool:
    """Whether it judges the delivery and no row of it."""
    return rule.scope == "batch" and not rule.fields


def failed(connection: sa.Connection, batch: str, rules: Iterable[str]) -> dict[str, bool]:
    """Rule → whether the batch failed it; without those that were skipped, errored or undefined."""
    query = sa.select(outcome.c.rule, outcome.c.failed).where(
        outcome.c.batch == batch, outcome.c.rule.in_(list(rules)), outcome.c.evaluated > 0, outcome.c.errored == 0, outcome.c.skipped == 0
    )
    return {row.rule: row.failed > 0 for row in connection.execute(query)}


def cases(connection: sa.Connection, catalog: Catalog, resource_id: str, batch: str, rules: Sequence[str]) -> list[Case]:
    """One for each of these rules that the delivery failed, at the resource's provider."""
    known = {one.id for one in catalog.rules.get(resource_id, ()) if is_about_deliveries(one)}
    body = responsible.provider(catalog.resources[resource_id], catalog)
    verdicts = failed(connection, batch, known & set(rules))
    return [Case(rule, resource_id, body.code, body.division, batch, Kind.DELIVERY) for rule in sorted(verdicts) if verdicts[rule]]


def open_one(catalog: Catalog, case: Case, database: sa.Engine, now: datetime, actor: str) -> tuple[sa.Row, int]:
    """The case's ticket, and how many rows were added to it: 1 for a fresh one."""
    while True:
        try:
            with writing(database) as connection:
                if name := entry.standing_open(connection, case, lock=True):
                    return keep(connection, name, now), 0
                name = uuid4().hex
                assumed = entry.insert(connection, catalog, case, name, now, actor)
                line = {"ticket": name, "row": ROW, "state": RowState.OPEN, "batch": case.batch, "changed_at": now, "reopened": 0}
                connection.execute(sa.insert(ticket_row).values(line))
                note(connection, name, Actor(actor, Role.QUALITY), "open", now, batch=case.batch, rows=1, assumed=list(assumed))
                return keep(connection, name, now), 1
        except sa.exc.IntegrityError:
            # Somebody else opened it meanwhile: look again.
            continue
