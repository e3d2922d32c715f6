"""Trusted rows that wait: for a holder base, or for an issuer. Stored encrypted, tried again, the newest row of a key wins."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import pyarrow as pa
import sqlalchemy as sa

from license_hub.service.content import number_form
from license_hub.service.decide import Hold
from license_hub.service.ledger import Ledger, Origin
from license_hub.service.recipe import Recipe
from license_hub.service.versions import row_dicts
from license_hub.storage import bulk
from license_hub.storage.crypt import NONCE_BYTES
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
    """Held rows of a license type, by the publication they came with, but for the keys in `without`."""
    query = sa.select(held.c.key_bi, held.c.publication, held.c.payload).where(
        held.c.type_id == recipe.type_id, held.c.resource == recipe.resource
    )
    groups: dict[Origin, list[dict]] = {}
    for key, publication, payload in ledger.connection.execute(query.order_by(held.c.publication, held.c.key_bi)):
        row = json.loads(ledger.hub.crypt.decrypt("hub_held", "payload", held_place(recipe.type_id, recipe.resource, bytes(key)), payload))
        if row["_key"] not in without:
            groups.setdefault(Origin(recipe.resource, publication, row[_AS_OF]), []).append(row)
    names = ("_key", "_op", *recipe.columns)
    for origin, found in groups.items():
        # Columns that a newer catalogue added are NULL.
        yield origin, pa.table({name: pa.array([row.get(name) for row in found], pa.string()) for name in names})


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
