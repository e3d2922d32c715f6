"""DPoP proofs used up: each counts once, on every worker, for one request of the holder of the token's key. A batch verb like `verify`.

The row that makes it count once lives longer than the proof could count (threats.md finding 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from license_hub.errors import JoseRefused
from license_hub.service.hub import Hub
from license_hub.signing import dpop
from license_hub.signing.commitment import instant
from license_hub.storage.engine import is_postgres, writing
from license_hub.storage.tables import jti as jti_table

LATE_S, EARLY_S = 60, 10
KEEP_S = LATE_S + EARLY_S + 60


# Written once: a statement with its rows in it would be compiled anew for every number of them.
_ONCE_POSTGRES, _ONCE_SQLITE = (
    one.insert(jti_table).on_conflict_do_nothing().returning(jti_table.c.client_id, jti_table.c.jti) for one in (postgresql, sqlite)
)


@dataclass(frozen=True)
class Use:
    """One request: the proof's text, what it must fit, and the thumbprint its key must have ('' = any: a token is asked for)."""

    client_id: str
    text: str
    method: str
    url: str
    token: str = ""
    jkt: str = ""


def use(hub: Hub, uses: Sequence[Use]) -> list[bool]:
    """Whether each proof fits its request and was not used before."""
    proofs = [read(hub, one) for one in uses]
    named = [None if proof is None else (one.client_id, _name(proof)) for one, proof in zip(uses, proofs, strict=True)]
    wanted = {one for one in named if one is not None}
    if not wanted:
        return [False] * len(uses)
    with writing(hub.engine) as connection:
        fresh = _used_up(hub, connection, wanted)
    counts = []
    for one in named:
        counts.append(one in fresh)
        # Of the same proof twice in one batch the first counts.
        fresh.discard(one)
    return counts


def read(hub: Hub, one: Use) -> dpop.Proof | None:
    """The proof, if it fits its request; not used up yet."""
    try:
        proof = dpop.read(one.text)
    except JoseRefused:
        return None
    fits = proof.fits(one.method, one.url, one.token, hub.clock().timestamp(), EARLY_S, LATE_S)
    return proof if fits and one.jkt in ("", proof.jkt) else None


def use_up(hub: Hub, connection: sa.Connection, client_id: str, proof: dpop.Proof) -> bool:
    """Whether nobody used it before."""
    return bool(_used_up(hub, connection, {(client_id, _name(proof))}))


def _name(proof: dpop.Proof) -> str:
    return f"dpop:{proof.jti}"


def _used_up(hub: Hub, connection: sa.Connection, wanted: AbstractSet[tuple[str, str]]) -> set[tuple[str, str]]:
    """(client, name) of those that nobody used before. One statement, its rows in one order: two batches with the same proofs in
    different orders would wait for each other, and who replays pairs of them would end the batches of others.
    """
    ends = instant(hub.now() + timedelta(seconds=KEEP_S))
    rows = [{"client_id": client_id, "jti": name, "expires_at": ends} for client_id, name in sorted(wanted)]
    made = connection.execute(_ONCE_POSTGRES if is_postgres(connection) else _ONCE_SQLITE, rows)
    return {(row.client_id, row.jti) for row in made}
