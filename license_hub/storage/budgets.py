"""Counters of `hub_budget`: one row a counter and window, raised in one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from license_hub.storage.engine import is_postgres
from license_hub.storage.tables import audit
from license_hub.storage.tables_grants import budget

LOOKS = ("verify", "verify_as_of", "check-file")
"""Looks that are counted by their entries in the audit log, one an answer."""

Counter = tuple[str, int]
"""(of, end of the window)."""


def _raising(insert: postgresql.Insert | sqlite.Insert) -> sa.sql.dml.ReturningInsert:
    """Written once: a statement with its rows in it would be compiled anew for every number of them."""
    used = budget.c.used + insert.excluded.used
    return insert.on_conflict_do_update(index_elements=["of", "window"], set_={"used": used}).returning(budget)


_RAISE_POSTGRES, _RAISE_SQLITE = (_raising(one.insert(budget)) for one in (postgresql, sqlite))


def raise_by(connection: sa.Connection, wanted: Mapping[Counter, int]) -> dict[Counter, int]:
    """What each counter then stands at. Rows are taken in one order, so that two transactions cannot wait for each other."""
    if not wanted:
        return {}
    rows = [{"of": of, "window": window, "used": used} for (of, window), used in sorted(wanted.items())]
    raised = connection.execute(_RAISE_POSTGRES if is_postgres(connection) else _RAISE_SQLITE, rows)
    return {(row.of, row.window): row.used for row in raised}


def standing(connection: sa.Connection, counters: Collection[Counter]) -> dict[Counter, int]:
    """Where counters stand; those that are not there at 0 are left out."""
    if not counters:
        return {}
    query = sa.select(budget).where(budget.c.of.in_({of for of, _window in counters}))
    return {(row.of, row.window): row.used for row in connection.execute(query)}


def forget(connection: sa.Connection, before: int) -> None:
    """Windows that ended before that moment."""
    connection.execute(sa.delete(budget).where(budget.c.window < before))


def looks_since(
    connection: sa.Connection, actors: Collection[str], subjects: Collection[bytes], since: str
) -> dict[tuple[str, bytes], int]:
    """(actor, subject) → looks on record since then: nothing else has to be kept for it. Refusals are none, nor what the holder did."""
    if not subjects or not actors:
        return {}
    query = (
        sa.select(audit.c.actor, audit.c.subject_bi, sa.func.count().label("looks"))
        .where(audit.c.subject_bi.in_(subjects), audit.c.at >= since, audit.c.actor.in_(actors))
        .where(audit.c.action.in_(LOOKS), audit.c.status.is_distinct_from("REFUSED"))
        .group_by(audit.c.actor, audit.c.subject_bi)
    )
    return {(row.actor, bytes(row.subject_bi)): row.looks for row in connection.execute(query)}
