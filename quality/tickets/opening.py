"""Opens tickets for the failing rows of a batch: one a rule and responsible body, holding exactly those keys. Safe to run twice.
For rules about the delivery itself: one a rule, at the provider (`delivery`).

A body that has an open ticket for the rule already gets the keys it does not have yet. Files are written first, under the ticket's
name; the transaction makes them count. Of two that open at once one wins the unique key, the other goes on with that ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.files import claim
from quality.session import alone, scratch, session
from quality.sql import compose, literal, literals
from quality.store.tables_tickets import ticket_part, ticket_row
from quality.store.writing import writing
from quality.tickets import delivery, entry, failing
from quality.tickets.entry import Case
from quality.tickets.record import Actor, keep, locked, note
from quality.tickets.states import Role, RowState


@dataclass(frozen=True)
class Opened:
    """What became of one rule at one body. `rows`: of the ticket now; `added`: by this call."""

    ticket: str
    number: int
    rule: str
    body: str
    rows: int
    added: int
    due_on: str


def open_tickets(
    catalog: Catalog, batch: str, rules: Sequence[str], *, lake: Lake | Path, database: sa.Engine, now: datetime, actor: str
) -> list[Opened]:
    """One ticket a body for each of these rules, as the batch failed them. Raises KeyError for an unknown batch."""
    opened = Lake.of(lake)
    resource = batch.rsplit("-", 2)[0]
    if resource not in catalog.resources:
        raise KeyError(batch)
    with session(opened, alone(catalog, resource)) as connection:
        failing.stage(connection, database, opened, catalog, batch, rules)
        groups = connection.execute("SELECT rule, body, min(division) FROM failing GROUP BY ALL ORDER BY ALL").fetchall()
        cases = [Case(rule, resource, body, division, batch) for rule, body, division in groups]
        made = [_open(connection, catalog, one, opened, database, now, actor) for one in cases]
    with database.connect() as reading:
        whole = delivery.cases(reading, catalog, resource, batch, rules)
    return made + [_opened(one, *delivery.open_one(catalog, one, database, now, actor)) for one in whole]


def _opened(case: Case, row: sa.Row, added: int) -> Opened:
    return Opened(row.ticket, row.number, case.rule, case.body, row.rows_open + row.rows_corrected + row.rows_closed, added, row.due_on)


def _open(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, case: Case, lake: Lake, database: sa.Engine, now: datetime, actor: str
) -> Opened:
    while True:
        held = _standing_open(database, case)
        name, known = (held.ticket, held.rows) if held else (uuid4().hex, 0)
        with scratch(lake / "tmp") as folder:
            path, added = _write(connection, case, lake, folder, name, _parts(database, name), known)
        try:
            with writing(database) as connected:
                if held and locked(connected, name).closed_at is not None:
                    raise _Ended
                assumed = () if held else entry.insert(connected, catalog, case, name, now, actor)
                if added:
                    _add(connected, case, name, path, known, added, now)
                    figures = {"rows": added} | ({"assumed": list(assumed)} if assumed else {})
                    note(connected, name, Actor(actor, Role.QUALITY), "added" if held else "open", now, batch=case.batch, **figures)
                row = keep(connected, name, now)
        except (sa.exc.IntegrityError, _Ended):
            # Somebody else opened the ticket, added the same rows, or ended the ticket meanwhile: look again.
            if path is not None:
                path.unlink()
            continue
        return _opened(case, row, added)


class _Ended(Exception):
    """The ticket was withdrawn, answered or overturned between the look and the transaction."""


@dataclass(frozen=True)
class _Held:
    ticket: str
    rows: int


def _standing_open(database: sa.Engine, case: Case) -> _Held | None:
    with database.connect() as connection:
        name = entry.standing_open(connection, case)
        if name is None:
            return None
        return _Held(name, connection.scalar(sa.select(sa.func.count()).where(ticket_row.c.ticket == name)))


def _parts(database: sa.Engine, name: str) -> list[str]:
    with database.connect() as connection:
        return list(connection.scalars(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == name)))


def _write(
    connection: duckdb.DuckDBPyConnection, case: Case, lake: Lake, folder: Path, name: str, parts: Sequence[str], known: int
) -> tuple[Path | None, int]:
    """The rows the ticket does not have yet, numbered on from `known`, as a file of the lake. (None, 0) where there is none."""
    places = {"rule": literal(case.rule), "body": literal(case.body), "known": literal(known)}
    has = compose("SELECT place FROM read_parquet([{paths}])", paths=literals(lake.named(lake / one) for one in parts))
    places["has"] = has if parts else compose("SELECT {none} AS place WHERE FALSE", none=literal(""))
    connection.execute(compose(_NEW, **places).text).fetchall()
    ((added,),) = connection.execute("SELECT count(*) FROM new_rows").fetchall()
    if not added:
        return None, 0
    # An erasure asks a folder's name when its rows were delivered.
    place = f"{name}.{case.batch}"
    written = folder / case.resource / place / "rows.parquet"
    written.parent.mkdir(parents=True)
    copy = compose(
        'COPY (SELECT * FROM new_rows ORDER BY "row") TO {path} (FORMAT parquet, COMPRESSION zstd)', path=literal(lake.named(written))
    )
    connection.execute(copy.text).fetchall()
    return claim(lake, written, lake / "tickets" / case.resource / place, "rows"), added


_NEW = """CREATE OR REPLACE TEMP TABLE new_rows AS
    SELECT {known} + row_number() OVER (ORDER BY place) AS "row", key, origin, "values", place
    FROM failing WHERE rule = {rule} AND body = {body} AND place NOT IN ({has})"""


def _add(connected: sa.Connection, case: Case, name: str, path: Path, known: int, added: int, now: datetime) -> None:
    tail = Path(*path.parts[-4:])
    connected.execute(sa.insert(ticket_part).values(ticket=name, path=str(tail), rows=added))
    line = {"ticket": name, "state": RowState.OPEN, "batch": case.batch, "changed_at": now, "reopened": 0}
    connected.execute(sa.insert(ticket_row), [line | {"row": known + at} for at in range(1, added + 1)])
