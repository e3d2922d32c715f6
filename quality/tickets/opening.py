"""Opens tickets for the failing rows of a batch: one a rule and responsible body, holding exactly those keys. Safe to run twice.

A body that has an open ticket for the rule already gets the keys it does not have yet. Files are written first, under the ticket's
name; the transaction makes them count. Of two that open at once one wins the unique key, the other goes on with that ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.files import claim
from quality.session import scratch, session
from quality.sql import compose, literal, literals
from quality.store.tables_tickets import ticket, ticket_part, ticket_row
from quality.tickets import failing
from quality.tickets.record import Actor, keep, note
from quality.tickets.states import Role, RowState, Standing, State

SHANGHAI = ZoneInfo("Asia/Shanghai")
RULE = "rule"


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


@dataclass(frozen=True)
class _Case:
    rule: str
    resource: str
    body: str
    division: str
    batch: str


def open_tickets(
    catalog: Catalog, batch: str, rules: Sequence[str], *, lake: Lake | Path, database: sa.Engine, now: datetime, actor: str
) -> list[Opened]:
    """One ticket a body for each of these rules, as the batch failed them. Raises KeyError for an unknown batch."""
    opened = Lake.of(lake)
    with session(opened, catalog) as connection:
        failing.stage(connection, database, opened, catalog, batch, rules)
        resource = batch.rsplit("-", 2)[0]
        groups = connection.execute("SELECT rule, body, min(division) FROM failing GROUP BY ALL ORDER BY ALL").fetchall()
        cases = [_Case(rule, resource, body, division, batch) for rule, body, division in groups]
        return [_open(connection, catalog, one, opened, database, now, actor) for one in cases]


def _open(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, case: _Case, lake: Lake, database: sa.Engine, now: datetime, actor: str
) -> Opened:
    while True:
        held = _standing_open(database, case)
        name, known = (held.ticket, held.rows) if held else (uuid4().hex, 0)
        with scratch(lake / "tmp") as folder:
            path, added = _write(connection, case, lake, folder, name, _parts(database, name), known)
        try:
            with database.begin() as writing:
                if held is None:
                    _insert(writing, catalog, case, name, now, actor)
                if added:
                    _add(writing, case, name, path, known, added, now)
                    note(writing, name, Actor(actor, Role.QUALITY), "added" if held else "open", now, batch=case.batch, rows=added)
                row = keep(writing, name, now)
        except sa.exc.IntegrityError:
            # Somebody else opened the ticket, or added the same rows, meanwhile: look again.
            if path is not None:
                path.unlink()
            continue
        return Opened(name, row.number, case.rule, case.body, row.rows_open + row.rows_corrected + row.rows_closed, added, row.due_on)


@dataclass(frozen=True)
class _Held:
    ticket: str
    rows: int


def _standing_open(database: sa.Engine, case: _Case) -> _Held | None:
    mine = (ticket.c.rule == case.rule, ticket.c.resource == case.resource, ticket.c.body == case.body, ticket.c.closed_at.is_(None))
    with database.connect() as connection:
        row = connection.execute(sa.select(ticket.c.ticket).where(*mine)).one_or_none()
        if row is None:
            return None
        rows = connection.scalar(sa.select(sa.func.count()).where(ticket_row.c.ticket == row.ticket))
        return _Held(row.ticket, rows)


def _parts(database: sa.Engine, name: str) -> list[str]:
    with database.connect() as connection:
        return list(connection.scalars(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == name)))


def _write(
    connection: duckdb.DuckDBPyConnection, case: _Case, lake: Lake, folder: Path, name: str, parts: Sequence[str], known: int
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


_COPY = """COPY (SELECT * FROM new_rows ORDER BY "row") TO {path} (FORMAT parquet, COMPRESSION zstd)"""


def _insert(writing: sa.Connection, catalog: Catalog, case: _Case, name: str, now: datetime, actor: str) -> None:
    due = catalog.workdays.after(now.astimezone(SHANGHAI).date(), catalog.tickets.days[RULE])
    number = (writing.scalar(sa.select(sa.func.max(ticket.c.number))) or 0) + 1
    fresh = Standing()
    writing.execute(
        sa.insert(ticket).values(
            ticket=name, number=number, kind=RULE, rule=case.rule, resource=case.resource, body=case.body, handler=case.body,
            division=case.division, batch=case.batch, opened_by=actor, opened_at=now, due_on=due.day.isoformat(), phase=fresh.phase,
            returned=False, disputed=False, extension_asked=False, rows_open=0, rows_corrected=0, rows_closed=0, state=State.ISSUED,
        )
    )  # fmt: skip


def _add(writing: sa.Connection, case: _Case, name: str, path: Path, known: int, added: int, now: datetime) -> None:
    tail = Path(*path.parts[-4:])
    writing.execute(sa.insert(ticket_part).values(ticket=name, path=str(tail), rows=added))
    line = {"ticket": name, "state": RowState.OPEN, "batch": case.batch, "changed_at": now, "reopened": 0}
    writing.execute(sa.insert(ticket_row), [line | {"row": known + at} for at in range(1, added + 1)])
