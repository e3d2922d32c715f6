"""What came through a ticket: rows held until the issuing organ has said yes, and afterwards which ticket rows a version was issued for.

- A row that a publication corrects for a ticket waits; so does a newer row of its key while the organ has not answered the older one.
- Without any such row of the license type and resource all of this is one question to the database a publication.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa
import sqlalchemy as sa

from license_hub.service.decide import Decisions
from license_hub.service.ledger import Ledger
from license_hub.service.recipe import Recipe
from license_hub.storage import bulk
from license_hub.storage.tables_held import corrected, held_ticket
from quality.corrected import Place, Places


class Said(StrEnum):
    """What the issuing organ said to a held row."""

    NOTHING = "nothing"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Tickets:
    """Held rows that correct rows of tickets, by the row's key."""

    of: Mapping[str, Places] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    """Keys the organ has not confirmed."""


def asked(ledger: Ledger, recipe: Recipe, keys: pa.ChunkedArray, tickets: Mapping[str, Places]) -> dict[str, Places]:
    """Of these keys, those a publication delivers because a ticket asked, or that still wait for the organ since an earlier one."""
    found = {key: tickets[key] for key in keys.to_pylist() if key in tickets} if tickets else {}
    earlier = of_rows(ledger, recipe, keys)
    for key in earlier.unanswered:
        found[key] = tuple(dict.fromkeys((*found.get(key, ()), *earlier.of[key])))
    return found


def of_rows(ledger: Ledger, recipe: Recipe, keys: pa.ChunkedArray) -> Tickets:
    """Which ticket rows these held rows correct."""
    query = sa.select(held_ticket.c.key_bi, held_ticket.c.ticket, held_ticket.c.row, held_ticket.c.answer)
    rows = ledger.connection.execute(query.where(*_mine(recipe)).order_by(held_ticket.c.ticket)).all()
    if not rows:
        return Tickets()
    places: dict[bytes, list[Place]] = {}
    for row in rows:
        places.setdefault(bytes(row.key_bi), []).append(Place(row.ticket, row.row))
    open_ = {bytes(row.key_bi) for row in rows if row.answer != Said.CONFIRMED}
    named = {index: key for key in keys.to_pylist() for index in ledger.hub.crypt.probes("key", key) if index in places}
    return Tickets({key: tuple(places[index]) for index, key in named.items()}, frozenset(named[one] for one in open_ if one in named))


def keep(ledger: Ledger, recipe: Recipe, rows: pa.Table, decisions: Decisions, asked: Mapping[str, Places]) -> None:
    """Notes beside rows just put on hold which ticket rows they correct."""
    if not asked:
        return
    keys, made = rows["_key"], []
    for place, _ in decisions.held:
        key = keys[place].as_py()
        index, known = ledger.hub.crypt.blind_index("key", key), decisions.standing.get(key)
        where = (recipe.type_id, recipe.resource, index)
        rest = (known.license_id if known else None, _organ(decisions, place), Said.NOTHING.value)
        # A row of a ticket is one place: of two files of a ticket with one key the newer stands for it.
        made += [(*where, ticket, row, *rest) for ticket, row in dict(asked.get(key, ())).items()]
    bulk.insert(ledger.connection, held_ticket, made)


def renew(ledger: Ledger, recipe: Recipe, rows: pa.Table, decisions: Decisions, tickets: Tickets) -> None:
    """After another try: who would issue the rows that are still on hold."""
    keys = rows["_key"]
    for place, _ in decisions.held if tickets.of else ():
        if (key := keys[place].as_py()) in tickets.of:
            where = (*_mine(recipe), held_ticket.c.key_bi.in_(ledger.hub.crypt.probes("key", key)))
            ledger.connection.execute(sa.update(held_ticket).where(*where).values(organ=_organ(decisions, place)))


def link(ledger: Ledger, entries: Mapping[str, int], tickets: Tickets) -> None:
    """Which ticket rows the versions of these entries were issued for, for good."""
    made = [(entry, ticket, row) for key, entry in entries.items() for ticket, row in dict(tickets.of.get(key, ())).items()]
    bulk.insert(ledger.connection, corrected, made)


def _organ(decisions: Decisions, place: int) -> str:
    at = decisions.issuer[place]
    return decisions.candidates.issuers[at][0] if at >= 0 else ""


def _mine(recipe: Recipe) -> tuple[sa.ColumnElement[bool], ...]:
    return held_ticket.c.type_id == recipe.type_id, held_ticket.c.resource == recipe.resource
