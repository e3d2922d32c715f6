"""Which rows of a publication correct rows of tickets, for the hub: what came through a ticket waits there for the issuing organ.

- Nothing here depends on whether the batch has been settled yet: it follows from the publication, its tickets' files and their rows.
- A row corrects a ticket's row when it is in the change set, its key is the ticket's, and the ticket's rule does not fail there; where
  somebody doubted it (校核申请), when a doubted field reads otherwise.
- A ticket that was opened after the publication, or was closed before it, has nothing to do with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.publications import Publication, changes_sql, reader
from quality.sql import Sql, compose, joined, literal, literals
from quality.store.tables_tickets import ticket, ticket_part, ticket_row
from quality.tickets.failing import source_values
from quality.tickets.moves import doubted
from quality.tickets.record import Actor, note
from quality.tickets.states import Kind, RowState, State

CHUNK = 5_000
ISSUER = "issuer"
"""Role, in a ticket's events, of the organ that issues the licenses made of its rows."""


class Place(NamedTuple):
    """A row of a ticket."""

    ticket: str
    row: int


Places = tuple[Place, ...]


def corrections(connection: sa.Connection, lake: Lake | Path, catalog: Catalog, published: Publication) -> dict[str, Places]:
    """Key → the ticket rows it corrects. One query where no ticket concerns the publication."""
    concerned = _concerned(connection, published)
    if not concerned:
        return {}
    parts = connection.execute(sa.select(ticket_part.c.ticket, ticket_part.c.path).where(ticket_part.c.ticket.in_(concerned)))
    opened = Lake.of(lake)
    files: dict[str, list[Path]] = {}
    for name, path in parts:
        files.setdefault(name, []).append(opened / path)
    found: dict[str, list[Place]] = {}
    if files:
        doubts = [name for name in files if concerned[name].kind == Kind.CORRECTION]
        fields = doubted(connection, catalog, published.resource, doubts)
        touched = list(_touched(opened, catalog, published, files, concerned, fields))
        # A pushed row touches a few rows of what may be many thousand.
        standing = _standing(connection, {place.ticket for _, place in touched}, published.batch)
        for key, place in touched:
            if place in standing:
                found.setdefault(key, []).append(place)
    return {key: tuple(places) for key, places in found.items()}


def reopened(connection: sa.Connection, places: Collection[Place]) -> set[Place]:
    """Those of the rows that fail again, or whose correction was not accepted; a ticket that was ended asks for nothing any more."""
    names = {one.ticket for one in places}
    rows = _chosen(connection, names, ticket_row.c.state == RowState.OPEN, ticket.c.phase != State.CLOSED)
    return rows & set(places)


def numbers(connection: sa.Connection, tickets: Iterable[str]) -> dict[str, int]:
    """Ticket → its number, as people know it."""
    query = sa.select(ticket.c.ticket, ticket.c.number).where(ticket.c.ticket.in_(set(tickets)))
    return {name: number for name, number in connection.execute(query)}


def numbered(connection: sa.Connection, number: int) -> str | None:
    """The ticket of that number."""
    return connection.scalar(sa.select(ticket.c.ticket).where(ticket.c.number == number))


def tell(
    connection: sa.Connection, name: str, act: str, actor: str, organ: str, now: datetime, *, comment: str = "", **figures: int
) -> None:
    """What the issuing organ did with the corrections of a ticket, as an event of the ticket."""
    note(connection, name, Actor(actor, ISSUER, organ), act, now, comment=comment, organ=organ, **figures)


def _concerned(connection: sa.Connection, published: Publication) -> dict[str, sa.Row]:
    """Tickets a publication can correct rows of, by name."""
    where = (ticket.c.resource == published.resource, ticket.c.opened_at <= published.created_at, ticket.c.phase != State.CLOSED)
    known = ticket.c.closed_at.is_(None) | (ticket.c.closed_at >= published.created_at)
    query = sa.select(ticket.c.ticket, ticket.c.rule, ticket.c.kind).where(*where, known, ticket.c.kind != Kind.DELIVERY)
    return {row.ticket: row for row in connection.execute(query)}


def _standing(connection: sa.Connection, tickets: Iterable[str], batch: str) -> set[Place]:
    """Rows that are not done with, and those that were closed on the strength of this very batch."""
    return _chosen(connection, tickets, (ticket_row.c.state != RowState.CLOSED) | (ticket_row.c.batch == batch))


def _chosen(connection: sa.Connection, tickets: Iterable[str], *where: sa.ColumnElement[bool]) -> set[Place]:
    names, found = sorted(tickets), set()
    query = sa.select(ticket_row.c.ticket, ticket_row.c.row).join(ticket, ticket.c.ticket == ticket_row.c.ticket).where(*where)
    for at in range(0, len(names), CHUNK):
        found |= {Place(*row) for row in connection.execute(query.where(ticket_row.c.ticket.in_(names[at : at + CHUNK])))}
    return found


def _touched(
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    files: Mapping[str, list[Path]],
    tickets: Mapping[str, sa.Row],
    fields: Mapping[str, set[str]],
) -> Iterator[tuple[str, Place]]:
    """(key, row of a ticket) for rows of the change set that do not fail the ticket's rule, or read otherwise where they were doubted."""
    changed, values = changes_sql(lake, published), source_values(catalog.resources[published.resource])
    failed = {name: paths for name, paths in files.items() if name not in fields}
    doubts = {name: paths for name, paths in files.items() if name in fields}
    with reader(lake) as connection:
        if failed:
            query = compose(_WELL, asked=_asked(lake, failed, tickets), changed=changed)
            for key, name, row in connection.execute(query.text).fetchall():
                yield key, Place(name, row)
        if doubts:
            query = compose(_SAID, asked=_asked(lake, doubts, tickets), changed=changed, said=values)
            for key, name, row, before, now in connection.execute(query.text).fetchall():
                was, reads = json.loads(before), json.loads(now)
                if any(was.get(header) != reads.get(header) for header in fields[name]):
                    yield key, Place(name, row)


def _asked(lake: Lake, files: Mapping[str, list[Path]], tickets: Mapping[str, sa.Row]) -> Sql:
    """Rows of tickets that have a key."""
    parts = [
        compose(_PART, name=literal(name), rule=literal(tickets[name].rule), paths=literals(lake.named(one) for one in paths))
        for name, paths in sorted(files.items())
    ]
    return joined(" UNION ALL ", parts)


_PART = """SELECT key AS t_key, "row" AS t_row, {name} AS t_ticket, {rule} AS t_rule, "values" AS t_values
    FROM read_parquet([{paths}]) WHERE key IS NOT NULL"""

_WELL = """SELECT t_key, t_ticket, t_row FROM ({asked}) JOIN ({changed}) ON _key = t_key
    WHERE _op IN ('insert', 'update') AND NOT coalesce(list_contains(_warnings, t_rule), FALSE)
    ORDER BY ALL"""

_SAID = """SELECT t_key, t_ticket, t_row, t_values, {said} FROM ({asked}) JOIN ({changed}) ON _key = t_key
    WHERE _op IN ('insert', 'update')
    ORDER BY ALL"""
