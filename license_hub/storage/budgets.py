"""Counters of `hub_budget`: one row a counter and window, raised in one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from license_hub.storage.engine import is_postgres
from license_hub.storage.lookup import among_all, among_each, each, listed
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


def forget(connection: sa.Connection, before: int) -> None:
    """Windows that ended before that moment."""
    connection.execute(sa.delete(budget).where(budget.c.window < before))


class Spent(NamedTuple):
    standing: dict[Counter, int]
    """Those that are not there at 0 are left out."""
    looks: dict[tuple[str, bytes], int]
    """(actor, subject) → looks on record: nothing else has to be kept for it. Refusals are none, nor what the holder did."""


def spent(
    connection: sa.Connection,
    counters: Collection[Counter],
    actors: Collection[str] = (),
    subjects: Collection[bytes] = (),
    since: str = "",
) -> Spent:
    """Where counters stand, and the looks of those actors at those subjects since then: one statement, asked with every answer."""
    given = {"of": sorted({of for of, _window in counters}), "actors": sorted(actors), "subjects": sorted(subjects), "since": since}
    found = connection.execute(_SPENT_ANY if is_postgres(connection) else _SPENT_IN, given).all()
    standing = {(row.of, row.window): row.used for row in found if row.subject is None}
    return Spent(standing, {(row.of, bytes(row.subject)): row.used for row in found if row.subject is not None})


def _looks(subject: sa.ColumnElement[bool], actor: sa.ColumnElement[bool]) -> sa.Select:
    named = (audit.c.actor.label("of"), audit.c.subject_bi.label("subject"))
    counted = sa.select(*named, sa.literal_column("0").label("window"), sa.func.count().label("used")).where(subject, actor)
    kinds = audit.c.action.in_([sa.literal_column(f"'{one}'") for one in LOOKS])
    counted = counted.where(audit.c.at >= sa.bindparam("since"), kinds, audit.c.status.is_distinct_from("REFUSED"))
    return counted.group_by(audit.c.actor, audit.c.subject_bi)


def _looks_each() -> sa.Select:
    """Subject by subject, each by the index that ends in the time. Left to itself PostgreSQL may take the index of the time alone, before
    its statistics are made, and read every look of the window.
    """
    subjects = listed(audit.c.subject_bi, "subjects")
    return each(subjects, _looks(audit.c.subject_bi == subjects.c.value, among_all(audit.c.actor, "actors")))


_STANDING = sa.select(budget.c.of, sa.null().label("subject"), budget.c.window, budget.c.used)
_LOOKS_IN = _looks(among_each(audit.c.subject_bi, "subjects"), among_each(audit.c.actor, "actors"))
_SPENT_IN = sa.union_all(_STANDING.where(among_each(budget.c.of, "of")), _LOOKS_IN)
_SPENT_ANY = sa.union_all(_STANDING.where(among_all(budget.c.of, "of")), _looks_each())
