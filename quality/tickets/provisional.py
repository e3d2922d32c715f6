"""暂行更正 at a ticket's row: what its body says the value is until the source delivers. `quality.provisional` tells others.

Kept apart from everything the source said: a file of its own beside the ticket's rows in the lake (erased and re-encrypted with them),
a line without the value in the database. It is read by people alone; no check, publication or license takes it for data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality.check.rows import Context
from quality.files import claim
from quality.job import SHANGHAI
from quality.provisional import license_of, standing
from quality.session import alone, scratch, session
from quality.store.tables_tickets import provisional, ticket, ticket_part
from quality.store.writing import writing
from quality.tickets import trial
from quality.tickets.record import Actor, end_provisional, locked, note
from quality.tickets.rows import TicketRow, page
from quality.tickets.states import ActRefused, Kind, Role, RowState, State

MADE, WITHDRAWN = "provisional", "provisional withdrawn"
"""As events of the ticket."""
MOST_CHARACTERS = 1_000
AT_WORK = (State.ACCEPTED, State.WORKING)


class EditRefused(ActRefused):
    """`code` says why: NOT_AT_WORK | OVERDUE | ROW_NOT_OPEN | FIELD_UNKNOWN | VALUE_TOO_LONG | NOTHING_CHANGED | STILL_FAILS."""

    def __init__(self, code: str, message: str):
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class Edit:
    """`values`: field → what it should read. `identifier`: any version of the license made of the row, '' where there is none."""

    ticket: str
    row: int
    values: Mapping[str, str]
    actor: Actor
    identifier: str = ""


@dataclass(frozen=True)
class Given:
    """A provisional value as the ticket's page shows it. `value` None: erased since."""

    field: str
    value: str | None
    made_by: str
    made_at: datetime
    until: str


def edit(catalog: Catalog, asked: Edit, *, lake: Lake | Path, database: sa.Engine, now: datetime) -> None:
    """Takes the values for the time being; a value given before is replaced. Raises EditRefused, KeyError for what is not theirs."""
    opened = Lake.of(lake)
    with database.connect() as reading:
        line = _mine(reading, asked.ticket, asked.actor, now)
        row = _open_row(reading, opened, asked)
        folder = reading.scalar(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == asked.ticket).limit(1))
        given = {one.field: one.value for one in given_values(reading, opened, asked.ticket, now, [asked.row]).get(asked.row, [])}
    resource = catalog.resources[line.resource]
    _check(catalog, resource, line.rule, row, {name: value for name, value in given.items() if value is not None}, asked, opened, now)
    path = _write(opened, Path(folder).parent, asked, row)
    with writing(database) as connection:
        _mine(connection, asked.ticket, asked.actor, now, lock=True)
        end_provisional(connection, asked.ticket, "replaced", now, rows=[asked.row], fields=list(asked.values))
        shared = {"ticket": asked.ticket, "row": asked.row, "resource": line.resource, "path": str(path.relative_to(opened.root))}
        shared |= {"license": license_of(asked.identifier), "made_by": asked.actor.name, "made_at": now, "ended": ""}
        connection.execute(sa.insert(provisional), [shared | {"edit": uuid4().hex, "field": name} for name in asked.values])
        note(connection, asked.ticket, asked.actor, MADE, now, row=asked.row, fields=sorted(asked.values))


def withdraw(asked: Edit, *, database: sa.Engine, now: datetime) -> None:
    """Takes back the values of these fields (`values`' names). Raises EditRefused, KeyError."""
    with writing(database) as connection:
        _mine(connection, asked.ticket, asked.actor, now, lock=True)
        if not end_provisional(connection, asked.ticket, "withdrawn", now, rows=[asked.row], fields=list(asked.values)):
            raise EditRefused("NOTHING_CHANGED", "no provisional value of these fields stands")
        note(connection, asked.ticket, asked.actor, WITHDRAWN, now, row=asked.row, fields=sorted(asked.values))


def given_values(reading: sa.Connection, lake: Lake, name: str, now: datetime, rows: Sequence[int]) -> dict[int, list[Given]]:
    """Row → its provisional values that count today, by field."""
    query = (
        sa.select(provisional, ticket.c.due_on).join(ticket, ticket.c.ticket == provisional.c.ticket)
        .where(provisional.c.ticket == name, provisional.c.row.in_(rows), standing(now.astimezone(SHANGHAI).date()))
        .order_by(provisional.c.row, provisional.c.field)
    )  # fmt: skip
    found: dict[int, list[Given]] = {}
    kept: dict[str, Mapping[str, str]] = {}
    for one in reading.execute(query):
        if one.path not in kept:
            with lake.open(lake / one.path) as file:
                kept[one.path] = {line["field"]: line["value"] for line in pq.read_table(file).to_pylist()}
        found.setdefault(one.row, []).append(Given(one.field, kept[one.path].get(one.field), one.made_by, one.made_at, one.due_on))
    return found


def _mine(connection: sa.Connection, name: str, actor: Actor, now: datetime, *, lock: bool = False) -> sa.Row:
    """The ticket, if its body's staff may give values for it now."""
    line = locked(connection, name) if lock else connection.execute(sa.select(ticket).where(ticket.c.ticket == name)).one_or_none()
    if line is None or actor.role is not Role.BODY or actor.body != line.handler or line.kind == Kind.DELIVERY:
        raise KeyError(name)
    if line.state not in AT_WORK:
        raise EditRefused("NOT_AT_WORK", f"the ticket is {line.state}: provisional values are given while its body works on it")
    if line.due_on < now.astimezone(SHANGHAI).date().isoformat():
        raise EditRefused("OVERDUE", f"the ticket was due on {line.due_on}: a provisional value would have ended already")
    return line


def _open_row(reading: sa.Connection, lake: Lake, asked: Edit) -> TicketRow:
    """Raises KeyError for a row the ticket has not, or whose values were erased."""
    found = page(reading, lake, asked.ticket, after=asked.row - 1, count=1)
    if not found or found[0].row != asked.row or not found[0].values:
        raise KeyError(f"{asked.ticket} row {asked.row}")
    if found[0].state is not RowState.OPEN:
        raise EditRefused("ROW_NOT_OPEN", f"row {asked.row} is {found[0].state}: the source has delivered")
    return found[0]


def _check(
    catalog: Catalog, resource: Resource, rule_id: str, row: TicketRow, given: Mapping[str, str], asked: Edit, lake: Lake, now: datetime
) -> None:
    """Raises EditRefused for values that cannot be, change nothing, or would fail the ticket's rule again."""
    headers = {one.name: one.source for one in resource.fields}
    if strange := sorted(set(asked.values) - set(headers)):
        raise EditRefused("FIELD_UNKNOWN", f"resource {resource.id} has no field {', '.join(strange)}")
    if any(len(value) > MOST_CHARACTERS for value in asked.values.values()):
        raise EditRefused("VALUE_TOO_LONG", f"a value has at most {MOST_CHARACTERS} characters")
    if not asked.values or all(value == (row.values.get(headers[name]) or "") for name, value in asked.values.items()):
        raise EditRefused("NOTHING_CHANGED", "the values are those the source delivered")
    rule = next((one for one in catalog.rules.get(resource.id, ()) if one.id == rule_id and one.scope == "row"), None)
    if rule is None or "_raw" in row.values:
        return
    said = {**row.values, **{headers[name]: value for name, value in {**given, **asked.values}.items()}}
    with session(lake, alone(catalog, resource.id)) as connection:
        context = Context(resource, catalog, now.astimezone(SHANGHAI).date(), None)
        if not trial.accepted(connection, context, rule, [(row.row, said)]):
            raise EditRefused("STILL_FAILS", f"rule {rule.id} would fail again")


_SCHEMA = pa.schema([("row", pa.int64()), ("key", pa.string()), ("field", pa.string()), ("value", pa.string())])


def _write(lake: Lake, folder: Path, asked: Edit, row: TicketRow) -> Path:
    """The values beside the ticket's rows."""
    lines = [{"row": asked.row, "key": row.key, "field": name, "value": value} for name, value in asked.values.items()]
    with scratch(lake / "tmp") as work:
        written = work / folder.parent.name / folder.name / "provisional.parquet"
        written.parent.mkdir(parents=True)
        with lake.create(written) as file:
            pq.write_table(pa.Table.from_pylist(lines, _SCHEMA), file, compression="zstd")
        return claim(lake, written, lake / folder, "provisional")
