"""`/quality/framed/…`: what Airflow shows in a frame. Read only, without links, forms or scripts; counts and rules, nothing of any row.

Its visitors have no session here: a sealed link (`quality.sealed`) lets them in, for one page and a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalogs.model import Catalog, Rule
from quality import scores, sealed
from quality.board.sheets import text_of
from quality.board.surroundings import Surroundings
from quality.board.words import SEVERITIES, STATUSES
from quality.store import tables
from quality.store.tables_tickets import ticket

SUMMARY, RULES = "/quality/framed/summary", "/quality/framed/rules"


@dataclass(frozen=True)
class Standing:
    """One resource: its score, its newest batch, its open tickets."""

    title: str
    score: float | None
    batch: sa.Row | None
    tickets: int


@dataclass(frozen=True)
class Finding:
    """What one rule found in a batch, with the sentence people know it by."""

    rule: str
    sentence: str
    severity: str
    evaluated: int
    failed: int
    detail: str


@dataclass(frozen=True)
class Judged:
    """One batch: rules that failed, most rows first, and those that gave no verdict."""

    batch: sa.Row
    failed: Sequence[Finding]
    silent: Sequence[Finding]


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get(SUMMARY)
    def summary(request: Request) -> Response:
        if not _let_in(around, request):
            return _expired(around, request)
        with around.database.connect() as connection:
            found = standings(connection, around.catalog)
        return around.render(request, "framed_summary.html", standings=found, now=around.now(), local=local, states=STATUSES)

    @made.get(RULES)
    def rules(request: Request, dag_id: str = "", run_id: str = "", task_id: str = "") -> Response:
        if not _let_in(around, request):
            return _expired(around, request)
        resource = around.catalog.resources.get(dag_id.removeprefix("check_")) if dag_id.startswith("check_") else None
        with around.database.connect() as connection:
            found = judged(connection, around.catalog, resource.id, checked_by(dag_id, run_id)) if resource else []
        return around.render(request, "framed_rules.html", resource=resource, found=found, local=local, severities=SEVERITIES)

    return made


def checked_by(dag_id: str, run_id: str) -> str:
    """The operator a batch has that this run of Airflow checked."""
    return f"airflow {dag_id} {run_id}"


def local(moment: datetime) -> str:
    """As the board's tables write it."""
    return text_of(moment, "instant")


def standings(connection: sa.Connection, catalog: Catalog) -> list[Standing]:
    """Every resource of the catalogue, in its order."""
    counted = sa.select(ticket.c.resource, sa.func.count()).where(ticket.c.closed_at.is_(None)).group_by(ticket.c.resource)
    opened = dict(connection.execute(counted).all())
    found = []
    for resource in catalog.resources.values():
        now = scores.now(connection, catalog, resource.id)
        newest = connection.execute(_newest_delivery(resource.id)).one_or_none()
        found.append(Standing(resource.title, now.score() if now else None, newest, opened.get(resource.id, 0)))
    return found


def _newest_delivery(resource_id: str) -> sa.Select:
    """A row that an approval system pushed is no delivery: it says nothing about how the source stands."""
    batch, pushed = tables.batch, sa.select(tables.publication.c.batch).where(tables.publication.c.pushed)
    mine = (batch.c.resource == resource_id) & (batch.c.status != "rejected") & batch.c.batch.not_in(pushed)
    return sa.select(batch).where(mine).order_by(batch.c.checked_at.desc()).limit(1)


def judged(connection: sa.Connection, catalog: Catalog, resource_id: str, operator: str) -> list[Judged]:
    """The batches a run checked, oldest first, each with the rules that did not pass."""
    mine = (tables.batch.c.resource == resource_id) & (tables.batch.c.operator == operator)
    batches = connection.execute(sa.select(tables.batch).where(mine).order_by(tables.batch.c.checked_at)).all()
    known = {rule.id: rule for rule in catalog.rules[resource_id]}
    outcome = tables.outcome.c
    unclean = sa.or_(outcome.failed > 0, outcome.errored > 0, outcome.skipped > 0)
    found = []
    for batch in batches:
        asked = sa.select(tables.outcome).where(outcome.batch == batch.batch, unclean).order_by(outcome.failed.desc(), outcome.rule)
        lines = connection.execute(asked).all()
        silent = [_finding(one, known) for one in lines if one.errored or one.skipped]
        found.append(Judged(batch, [_finding(one, known) for one in lines if not (one.errored or one.skipped)], silent))
    return found


def _finding(row: sa.Row, known: dict[str, Rule]) -> Finding:
    sentence = known[row.rule].sentence if row.rule in known else ""
    return Finding(row.rule, sentence, row.severity, row.evaluated, row.failed, row.detail)


def _let_in(around: Surroundings, request: Request) -> bool:
    given = request.query_params.multi_items()
    return len(dict(given)) == len(given) and sealed.opens(around.frame_key, request.url.path, dict(given), around.now())


def _expired(around: Surroundings, request: Request) -> Response:
    return around.render(request, "framed_expired.html", status=403)
