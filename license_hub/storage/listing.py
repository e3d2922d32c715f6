"""What the status lists say of each version, read from the tables in one pass.

`hub_current` is the one place that says which version is the newest and which state it is in; here dates come on top, as in
`domain.lifecycle.current` (`test_publish_status` holds the two equal).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.signing.statuslist import LISTED, Listed
from license_hub.storage.engine import is_postgres
from license_hub.storage.tables import current, sequence, status, version

_LOCK = 0x6D7A74_06
"""Advisory lock number of whoever replaces lists on PostgreSQL."""
_ROWS = 50_000
"""Rows in memory at once."""
_STARTING = (State.IN_FORCE.value, State.STATUS_NOT_PROVIDED.value)
"""States that wait for the first day of validity."""


def log_size(connection: sa.Connection) -> int:
    """The next free entry: every entry below it is committed."""
    return connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "log")).scalar_one()


def lock_lists(connection: sa.Connection) -> None:
    """Waits for whoever else replaces lists, until the transaction ends. SQLite's writers do that anyhow."""
    if is_postgres(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def values(connection: sa.Connection, day: str, size: int, since: int | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(entries, values) of versions below `size`, ordered by entry, in pieces; with `since` only of those that entries from there on
    may have changed: new versions, the ones they supersede, and the subjects of status acts."""
    query = (
        sa.select(version.c.entry, _value(day))
        .join_from(version, current, current.c.license_id == version.c.license_id)
        .where(version.c.entry < size)
        .order_by(version.c.entry)
    )
    if since is not None:
        query = query.where(version.c.entry.in_(touched(since)))
    found = connection.execute(query, execution_options={"yield_per": _ROWS})
    for part in found.partitions():
        rows = np.array([tuple(row) for row in part], np.int64)
        yield rows[:, 0], rows[:, 1].astype(np.uint8)


def touched(since: int) -> sa.CompoundSelect:
    """Entries of versions whose listed value entries from `since` on may have changed."""
    newer = version.c.entry >= since
    return sa.union(
        sa.select(version.c.entry).where(newer),
        sa.select(version.c.supersedes).where(newer, version.c.supersedes.is_not(None)),
        sa.select(status.c.of_entry).where(status.c.entry >= since),
    )


def _value(day: str) -> sa.Case:
    """The listed value on that day in Shanghai."""
    state = current.c.state
    named = {one: [each.value for each, said in LISTED.items() if said is one] for one in Listed}
    return sa.case(
        (current.c.entry != version.c.entry, Listed.INVALID.value),
        (version.c.valid_to < day, Listed.INVALID.value),
        (state.in_(named[Listed.INVALID]), Listed.INVALID.value),
        (sa.and_(state.in_(_STARTING), version.c.valid_from > day), Listed.SUSPENDED.value),
        (state.in_(named[Listed.SUSPENDED]), Listed.SUSPENDED.value),
        (state.in_(named[Listed.VALID]), Listed.VALID.value),
        else_=Listed.UNDETERMINED.value,
    )
