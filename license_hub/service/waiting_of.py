"""What waits for one issuing organ's word: which licenses a ticket's corrections would change, and in which fields. No value is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.domain.license import FACE, FIELD_TITLES, IDENTIFIER, draft_from_row, fields
from license_hub.service import holds, issued_of
from license_hub.service.decide import issuing_organs
from license_hub.service.held_changes import Said
from license_hub.service.hub import Hub
from license_hub.service.recipe import Recipe, recipes
from license_hub.storage.engine import reading
from license_hub.storage.licenses import standing
from license_hub.storage.tables import current, held, version
from license_hub.storage.tables_held import held_ticket

MOST_TICKETS, MOST_ROWS = 20, 20
"""Shown at once: of tickets the oldest, of each so many rows."""


@dataclass(frozen=True)
class Change:
    """One held row. `identifier`: of the license it changes, '' where it makes a new one; `fields`: titles of what would read otherwise."""

    identifier: str
    fields: tuple[str, ...]
    refused: bool


@dataclass(frozen=True)
class OfTicket:
    """What one ticket has for the organ. `rows` counts all of it, `listed` has the first ones."""

    ticket: str
    number: int
    resource: str
    type_id: str
    rows: int
    changes: int
    refused: int
    since: str
    listed: tuple[Change, ...]


def waiting_of(hub: Hub, organ: str) -> tuple[list[OfTicket], int]:
    """(what waits for the organ, the oldest first; how many more there are than are listed). Raises DecryptionError."""
    found = issued_of.waiting(hub, organ=organ) if organ else []
    with reading(hub.engine, one_state=True) as connection:
        made = [_of_ticket(hub, connection, one) for one in found[:MOST_TICKETS]]
    return made, max(len(found) - MOST_TICKETS, 0)


def _of_ticket(hub: Hub, connection: sa.Connection, one: issued_of.Waiting) -> OfTicket:
    mine = (held_ticket.c.ticket == one.ticket, held_ticket.c.organ == one.organ, held_ticket.c.answer != Said.CONFIRMED)
    here = (held_ticket.c.resource == one.resource, held_ticket.c.type_id == one.type_id)
    same = (held.c.type_id == held_ticket.c.type_id, held.c.resource == held_ticket.c.resource, held.c.key_bi == held_ticket.c.key_bi)
    query = (
        sa.select(held_ticket.c.key_bi, held_ticket.c.answer, held.c.payload, version.c.identifier)
        .join(held, sa.and_(*same))
        .outerjoin(current, current.c.license_id == held_ticket.c.license_id)
        .outerjoin(version, version.c.entry == current.c.entry)
        .where(*mine, *here)
        .order_by(held_ticket.c.row)
        .limit(MOST_ROWS)
    )
    rows = connection.execute(query).all()
    [recipe] = [recipe for recipe in recipes(hub.catalog, one.resource) if recipe.type_id == one.type_id]
    differing = _differing(hub, connection, recipe, [holds.opened(hub.crypt, recipe, bytes(row.key_bi), row.payload) for row in rows])
    listed = (
        Change(row.identifier or "", titles, row.answer == Said.REFUSED) for row, titles in zip(rows, differing, strict=True)
    )  # fmt: skip
    return OfTicket(one.ticket, one.number, one.resource, one.type_id, one.rows, one.changes, one.refused, one.since, tuple(listed))


def _differing(hub: Hub, connection: sa.Connection, recipe: Recipe, rows: Sequence[dict]) -> list[tuple[str, ...]]:
    """By row, titles of the fields in which it and its license differ; none where there is no license yet."""
    table = holds.table_of(recipe, rows)
    organs, places = issuing_organs(hub.catalog, recipe, table)
    old = standing(connection, hub.crypt, recipe.type_id, recipe.resource, table["_key"].to_pylist())
    found = []
    for row, place in zip(rows, places.tolist(), strict=True):
        license = old.get(row["_key"])
        said = fields(draft_from_row(recipe.kind, recipe.source, row, organs[place] if place >= 0 else ("", "")))
        now = json.loads(license.payload) if license else said
        names = [name for name in {**now, **said} if name != IDENTIFIER and now.get(name) != said.get(name)]
        found.append(tuple(FIELD_TITLES.get(name, name.removeprefix(FACE)) for name in names))
    return found
