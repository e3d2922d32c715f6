"""Rows of keys and manifests. Every writer holds the log's lock (`storage.leaves.lock_log`): a change of keys is an entry of the log."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from license_hub.signing.manifest import Head, KeyState, KnownKey, Logged
from license_hub.storage.tables import attestation, sequence
from license_hub.storage.tables_keys import key, manifest

_EPOCH = sequence.c.next.label("epoch")
_STATE = sa.select(_EPOCH, key).select_from(sequence.outerjoin(key, sa.true())).where(sequence.c.name == "epoch")


def load(connection: sa.Connection) -> tuple[int, dict[str, KnownKey], frozenset[str]]:
    """(security epoch, keys by kid, kids that a signed manifest names), all of one moment."""
    rows = connection.execute(_STATE).all()
    keys = {row.kid: _known(row) for row in rows if row.kid is not None}
    return rows[0].epoch, keys, frozenset(row.kid for row in rows if row.manifest is not None)


def add(connection: sa.Connection, made: KnownKey) -> None:
    connection.execute(sa.insert(key), [_columns(made)])


def change(connection: sa.Connection, changed: KnownKey) -> None:
    connection.execute(sa.update(key).where(key.c.kid == changed.kid).values(_columns(changed)))


def name_in(connection: sa.Connection, kids: Collection[str], number: int) -> None:
    """The manifest of that number is the first to name these keys, if none did before."""
    for kid in sorted(kids):
        connection.execute(sa.update(key).where(key.c.kid == kid, key.c.manifest.is_(None)).values(manifest=number))


def newest_manifest(connection: sa.Connection) -> str | None:
    """The signed note."""
    return connection.execute(sa.select(manifest.c.note).order_by(manifest.c.sequence.desc()).limit(1)).scalar()


def first_use(connection: sa.Connection, kid: str) -> str | None:
    """When an organ's key made its first attestation."""
    return connection.execute(sa.select(sa.func.min(attestation.c.signed_at)).where(attestation.c.kid == kid)).scalar()


def _columns(known: KnownKey) -> dict[str, object]:
    return {
        "kid": known.kid,
        "role": known.role,
        "alg": known.alg,
        "public": known.public,
        "not_before": known.not_before,
        "state": known.state.value,
        "changed_at": known.changed_at,
        "reason": known.reason,
        "since": known.since,
        "until_size": known.until.size if known.until else None,
        "until_root": known.until.root if known.until else None,
        "entry": known.logged.entry if known.logged else None,
        "leaf_id": known.logged.leaf_id if known.logged else None,
    }


def _known(row: sa.Row) -> KnownKey:
    return KnownKey(
        role=row.role,
        kid=row.kid,
        alg=row.alg,
        public=bytes(row.public),
        not_before=row.not_before,
        state=KeyState(row.state),
        changed_at=row.changed_at,
        reason=row.reason,
        since=row.since,
        until=None if row.until_size is None else Head(row.until_size, bytes(row.until_root)),
        logged=None if row.entry is None else Logged(row.entry, row.leaf_id),
    )
