"""Trusted rows that wait: for a holder base, an issuer, or an organ's word. Stored encrypted, tried again, the newest row of a key wins."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import sqlalchemy as sa

from license_hub.service import held_changes
from license_hub.service.content import number_form
from license_hub.service.decide import Decisions, Hold, decide_live
from license_hub.service.ledger import Ledger, Origin
from license_hub.service.recipe import Recipe
from license_hub.service.versions import row_dicts
from license_hub.storage import bulk
from license_hub.storage.crypt import NONCE_BYTES, Crypt
from license_hub.storage.licenses import CHUNK, chunks, held_place, release
from license_hub.storage.tables import held

_AS_OF = "_as_of"


def hold(ledger: Ledger, recipe: Recipe, rows: pa.Table, found: Sequence[tuple[int, Hold]], origin: Origin, partition: str) -> None:
    """Puts rows on hold; older rows of their keys were released."""
    crypt, entropy = ledger.hub.crypt, ledger.hub.entropy
    seal = crypt.sealer("hub_held", "payload")
    made = []
    for row, (_, reason) in zip(_taken(rows, [place for place, _ in found]), found, strict=True):
        key = crypt.blind_index("key", row["_key"])
        number = crypt.blind_index("number", number_form(row[recipe.source.number_field] or ""))
        payload = json.dumps({**row, _AS_OF: origin.as_of}, ensure_ascii=False, sort_keys=True).encode()
        where = (recipe.type_id, recipe.resource, key, number, partition, origin.publication, reason.value)
        made.append((*where, seal(held_place(recipe.type_id, recipe.resource, key), payload, entropy(NONCE_BYTES)), ledger.at))
    bulk.insert(ledger.connection, held, made)


def waiting(ledger: Ledger, recipe: Recipe, without: Collection[str]) -> Iterator[tuple[Origin, pa.Table]]:
    """Held rows of a license type, by the publication they came with, but for the keys in `without`.

    Those that wait for an organ's word alone are left out: no publication is that.
    """
    yield from _waiting(ledger, recipe, held.c.reason != Hold.TICKET.value, without=without)


def chosen(ledger: Ledger, recipe: Recipe, keys: Iterable[bytes]) -> Iterator[tuple[Origin, pa.Table]]:
    """Held rows of these keys (blind indexes)."""
    for chunk in chunks(keys, CHUNK):
        yield from _waiting(ledger, recipe, held.c.key_bi.in_(chunk))


def _waiting(
    ledger: Ledger, recipe: Recipe, *where: sa.ColumnElement[bool], without: Collection[str] = frozenset()
) -> Iterator[tuple[Origin, pa.Table]]:
    mine = (held.c.type_id == recipe.type_id, held.c.resource == recipe.resource)
    query = sa.select(held.c.key_bi, held.c.publication, held.c.payload).where(*mine, *where)
    groups: dict[Origin, list[dict]] = {}
    for key, publication, payload in ledger.connection.execute(query.order_by(held.c.publication, held.c.key_bi)):
        row = opened(ledger.hub.crypt, recipe, bytes(key), payload)
        if row["_key"] not in without:
            groups.setdefault(Origin(recipe.resource, publication, row[_AS_OF]), []).append(row)
    for origin, found in groups.items():
        yield origin, table_of(recipe, found)


def opened(crypt: Crypt, recipe: Recipe, key: bytes, payload: bytes) -> dict[str, str | None]:
    """A held row by column. Raises DecryptionError."""
    return json.loads(crypt.decrypt("hub_held", "payload", held_place(recipe.type_id, recipe.resource, key), payload))


def table_of(recipe: Recipe, rows: Sequence[Mapping[str, str | None]]) -> pa.Table:
    """Held rows as they came; columns that a newer catalogue added are NULL."""
    names = ("_key", "_op", *recipe.columns)
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def try_again(ledger: Ledger, recipe: Recipe, rows: pa.Table, origin: Origin) -> tuple[Decisions, dict[str, int]]:
    """Decides held rows once more and carries out what follows; returns row key → entry of what was issued, too."""
    tickets = held_changes.of_rows(ledger, recipe, rows["_key"])
    decisions = decide_live(ledger.hub, ledger.connection, recipe, rows, tickets.unanswered)
    settle(ledger, recipe, rows, decisions.held)
    held_changes.renew(ledger, recipe, rows, decisions, tickets)
    first = ledger.next_entry
    decisions.carry_out(ledger, recipe, rows, origin)
    entries = {rows["_key"][place].as_py(): first + at for at, place in enumerate(decisions.candidates.places.tolist())}
    held_changes.link(ledger, entries, tickets)
    return decisions, entries


def settle(ledger: Ledger, recipe: Recipe, rows: pa.Table, still: Sequence[tuple[int, Hold]]) -> None:
    """After another try: rows no longer on hold are released, the others get the reason of today."""
    reasons = dict(still)
    keys = [ledger.hub.crypt.probes("key", key) for key in rows["_key"].to_pylist()]
    given = (index for place, found in enumerate(keys) if place not in reasons for index in found)
    release(ledger.connection, recipe.type_id, recipe.resource, given)
    where = (held.c.type_id == recipe.type_id, held.c.resource == recipe.resource)
    for reason in set(reasons.values()):
        mine = [index for place, one in reasons.items() if one is reason for index in keys[place]]
        for chunk in chunks(mine, CHUNK):
            changed = (*where, held.c.key_bi.in_(chunk), held.c.reason != reason.value)
            ledger.connection.execute(sa.update(held).where(*changed).values(reason=reason.value))


def _taken(rows: pa.Table, places: list[int]) -> list[dict[str, str | None]]:
    return row_dicts(rows.take(pa.array(places, pa.int64()))) if places else []
