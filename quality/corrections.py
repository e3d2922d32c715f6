"""校核申请: somebody doubts what a license says; the body that registered the row has to look, correct or answer. For the hub.

    doubt ─ the row in the heads ─► its body ─► ticket of kind `correction` (one open a license; whoever asks later joins it)
    ticket ─ source delivers otherwise, a person confirms ─► CORRECTED · body answers, or is upheld ─► NOT_CORRECTED · WITHDRAWN

- `prepare` reads and writes the lake; `enter` is the database's part, in the caller's transaction.
- What the asker wrote is free text: it lies in the lake beside the row, erased and re-encrypted with it. Tables hold names and codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality import publications, responsible
from quality.errors import CorrectionRefused
from quality.files import claim
from quality.provisional import license_of
from quality.session import alone, scratch, session
from quality.sql import Sql, compose, ident, literal
from quality.store.tables_tickets import correction, ticket, ticket_event, ticket_part, ticket_row
from quality.tickets import entry, failing
from quality.tickets.entry import Case
from quality.tickets.record import Actor, keep, note
from quality.tickets.states import Act, Kind, RowState, State

RULE = "correction"
"""What such tickets have in place of a rule."""
MOST_COMMENT = 2_000
MOST_REQUESTS = 5
"""Open ones of one asker for one license."""
ATTEMPTS = 5


class Outcome(StrEnum):
    CORRECTED = "CORRECTED"
    NOT_CORRECTED = "NOT_CORRECTED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True)
class Doubt:
    """What is asked. The row: the one whose cleaned `field` is `value` and whose key `is_key` accepts."""

    identifier: str
    resource: str
    field: str
    value: str
    is_key: Callable[[str], bool]
    fields: tuple[str, ...]
    """Of the resource, doubted."""
    named: tuple[str, ...]
    """The same as the asker calls them."""
    reason: str
    comment: str
    asked_by: str


@dataclass(frozen=True)
class Prepared:
    """A doubt with its row found and what was written down of it in the lake."""

    doubt: Doubt
    case: Case
    ticket: str
    """Name of the ticket it gets if none is open."""
    rows: str
    """'' where the license had an open ticket already: its row is there."""
    said: str


@dataclass(frozen=True)
class Answer:
    """What the body (or whoever decided) said last."""

    act: str
    reason: str
    comment: str
    at: datetime


@dataclass(frozen=True)
class Correction:
    """A request as its asker may see it. `outcome` None: still open."""

    correction: str
    number: int
    identifier: str
    named: tuple[str, ...]
    reason: str
    asked_at: datetime
    state: State
    due_on: str
    outcome: Outcome | None
    answer: Answer | None


def check_words(catalog: Catalog, reason: str, comment: str) -> None:
    """Raises CorrectionRefused."""
    if reason not in catalog.tickets.doubts:
        raise CorrectionRefused("reason", f"the reason is one of {', '.join(catalog.tickets.doubts)}")
    if not comment.strip() or len(comment) > MOST_COMMENT:
        raise CorrectionRefused("comment", f"a comment of 1 to {MOST_COMMENT} characters says what is wrong")


def prepare(catalog: Catalog, doubt: Doubt, *, lake: Lake | Path, database: sa.Engine) -> Prepared:
    """Finds the row and writes down what was said. Raises CorrectionRefused where the source has no such row any more."""
    check_words(catalog, doubt.reason, doubt.comment)
    if not doubt.fields:
        raise CorrectionRefused("fields", "name the fields that are doubted")
    opened, resource, name = Lake.of(lake), catalog.resources[doubt.resource], uuid4().hex
    with database.connect() as reading:
        if _asked(reading, doubt) >= MOST_REQUESTS:
            raise CorrectionRefused("identifier", f"{MOST_REQUESTS} requests for this license are open already: read their answers")
        heads = publications.heads(reading, doubt.resource)
    with session(opened, alone(catalog, doubt.resource)) as connection:
        for head in heads:
            query = _finding(resource, doubt, opened.named(opened / head.rows_path))
            for key, origin, values, organ, division in connection.execute(query.text).fetchall():
                if doubt.is_key(key):
                    case = _case(catalog, resource, doubt, (organ, division), head.batch)
                    made = _write(opened, name, case, _tables((key, origin, values), doubt, joining=_is_open(database, case)))
                    return Prepared(doubt, case, name, made.get("rows", ""), made["said"])
    raise CorrectionRefused("identifier", "the source no longer has the row this license was made of")


def _asked(reading: sa.Connection, doubt: Doubt) -> int:
    """Requests of the same asker for the same license that are still open."""
    mine = (correction.c.asked_by == doubt.asked_by, correction.c.identifier == doubt.identifier, ticket.c.closed_at.is_(None))
    query = sa.select(sa.func.count()).select_from(correction).join(ticket, ticket.c.ticket == correction.c.ticket)
    return reading.scalar(query.where(*mine)) or 0


def _finding(resource: Resource, doubt: Doubt, path: str) -> Sql:
    organ, division = responsible.said(resource)
    places = {"organ": organ, "division": division, "values": failing.source_values(resource)}
    return compose(_FOUND, path=literal(path), field=ident(doubt.field), value=literal(doubt.value), **places)


_FOUND = """SELECT _key, _origin, {values}, ({organ})::VARCHAR, ({division})::VARCHAR FROM read_parquet({path})
    WHERE {field}::VARCHAR = {value}"""


def _case(catalog: Catalog, resource: Resource, doubt: Doubt, saying: responsible.Saying, batch: str) -> Case:
    body = responsible.found(resource, catalog, [saying])[saying]
    return Case(RULE, doubt.resource, body.code, body.division, batch, Kind.CORRECTION, license_of(doubt.identifier))


_ROW = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in ("key", "origin", "values", "place"))])
_SAID = pa.schema([(name, pa.string()) for name in ("key", "comment")])


def _is_open(database: sa.Engine, case: Case) -> bool:
    with database.connect() as reading:
        return entry.standing_open(reading, case) is not None


def _tables(row: tuple[str, str, str], doubt: Doubt, *, joining: bool) -> dict[str, pa.Table]:
    """The row as a fresh ticket holds it, unless it has one, and what the asker wrote."""
    key, origin, values = row
    said = {"said": pa.Table.from_pylist([{"key": key, "comment": doubt.comment.strip()}], _SAID)}
    fresh = {"row": 1, "key": key, "origin": origin, "values": values, "place": key}
    return said if joining else said | {"rows": pa.Table.from_pylist([fresh], _ROW)}


def _write(lake: Lake, name: str, case: Case, tables: dict[str, pa.Table]) -> dict[str, str]:
    """Stem → the file's path, relative to the lake."""
    place, made = f"{name}.{case.batch}", {}
    with scratch(lake / "tmp") as work:
        folder = work / case.resource / place
        folder.mkdir(parents=True)
        for stem, table in tables.items():
            with lake.create(folder / f"{stem}.parquet") as file:
                pq.write_table(table, file, compression="zstd")
            path = claim(lake, folder / f"{stem}.parquet", lake / "tickets" / case.resource / place, stem)
            made[stem] = str(path.relative_to(lake.root))
    return made


def enter(connection: sa.Connection, catalog: Catalog, prepared: Prepared, now: datetime) -> str:
    """The request's id; its ticket is opened, or the license's open one joined, in this transaction."""
    for _ in range(ATTEMPTS):
        try:
            with connection.begin_nested():
                return _enter(connection, catalog, prepared, now)
        except sa.exc.IntegrityError:
            # Somebody else opened a ticket meanwhile: look again.
            continue
    raise CorrectionRefused("identifier", "others keep opening tickets: ask again")


def _enter(connection: sa.Connection, catalog: Catalog, prepared: Prepared, now: datetime) -> str:
    case, doubt, asker = prepared.case, prepared.doubt, Actor(prepared.doubt.asked_by, "consumer")
    name, act, assumed = entry.standing_open(connection, case, lock=True), "joined", ()
    if name is None:
        if not prepared.rows:
            raise CorrectionRefused("identifier", "its ticket was closed in this moment: ask again")
        name, act = prepared.ticket, "open"
        assumed = entry.insert(connection, catalog, case, name, now, doubt.asked_by)
        connection.execute(sa.insert(ticket_part).values(ticket=name, path=prepared.rows, rows=1))
        line = {"ticket": name, "row": 1, "state": RowState.OPEN, "batch": case.batch, "changed_at": now, "reopened": 0}
        connection.execute(sa.insert(ticket_row).values(line))
    made = {"correction": uuid4().hex, "ticket": name, "fields": list(doubt.fields), "named": list(doubt.named), "reason": doubt.reason}
    made |= {"asked_by": doubt.asked_by, "asked_at": now, "identifier": doubt.identifier, "path": prepared.said}
    connection.execute(sa.insert(correction).values(made))
    figures = {"correction": made["correction"], "fields": list(doubt.fields)} | ({"assumed": list(assumed)} if assumed else {})
    note(connection, name, asker, act, now, reason=doubt.reason, batch=case.batch, **figures)
    keep(connection, name, now)
    return made["correction"]


def read(connection: sa.Connection, name: str, asked_by: str) -> Correction:
    """A request of his. Raises KeyError for any other."""
    query = sa.select(correction, ticket.c.number, ticket.c.state, ticket.c.due_on, ticket.c.rows_closed, ticket.c.phase)
    found = query.join(ticket, ticket.c.ticket == correction.c.ticket)
    row = connection.execute(found.where(correction.c.correction == name, correction.c.asked_by == asked_by)).one_or_none()
    if row is None:
        raise KeyError(name)
    answer, decided = _answer(connection, row.ticket)
    outcome = None if row.state != State.CLOSED else _outcome(row, decided)
    asked = (row.correction, row.number, row.identifier, tuple(row.named), row.reason, row.asked_at)
    return Correction(*asked, State(row.state), row.due_on, outcome, answer)


def _outcome(row: sa.Row, decided: str | None) -> Outcome:
    if row.phase != State.CLOSED:
        return Outcome.CORRECTED
    return Outcome.WITHDRAWN if decided == Act.WITHDRAW else Outcome.NOT_CORRECTED


_ANSWERS = (Act.REPORT, Act.RETURN, Act.OBJECT, Act.ANSWER, Act.OVERTURN, Act.UPHOLD)
_TO_THE_ASKER = (Act.REPORT, Act.ANSWER)
_ENDS = (Act.ANSWER, Act.OVERTURN, Act.WITHDRAW)


def _answer(connection: sa.Connection, name: str) -> tuple[Answer | None, str | None]:
    """(what was said last to the asker, the act that ended the ticket)."""
    said, ended = None, None
    wanted = sa.select(ticket_event).where(ticket_event.c.ticket == name, ticket_event.c.act.in_({*_ANSWERS, *_ENDS}))
    for event in connection.execute(wanted.order_by(ticket_event.c.id)):
        if event.act in _ANSWERS:
            # What a body and the office write to each other is not for who asked.
            said = Answer(event.act, event.reason, event.comment if event.act in _TO_THE_ASKER else "", event.at)
        if event.act in _ENDS:
            ended = event.act
    return said, ended


def comments(reading: sa.Connection, lake: Lake, name: str) -> list[tuple[sa.Row, str | None]]:
    """A ticket's requests with what their askers wrote, oldest first; None where it was erased or outlived its retention."""
    found: list[tuple[sa.Row, str | None]] = []
    for row in reading.execute(sa.select(correction).where(correction.c.ticket == name).order_by(correction.c.asked_at)):
        lines: Sequence[dict] = []
        if (lake / row.path).is_file():
            with lake.open(lake / row.path) as file:
                lines = pq.read_table(file).to_pylist()
        found.append((row, lines[0]["comment"] if lines else None))
    return found
