"""The security epoch: one number that every change of keys, clients or policy moves, in the transaction of the change.

Whoever decides on remembered keys, clients or tokens reads it with what he looks up, and reads those again when it has moved.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import sequence

ROW = sequence.c.name == "epoch"

NOW = sa.select(sequence.c.next).where(ROW)
"""Either to be read beside something else in one statement."""


def current(connection: sa.Connection) -> int:
    return connection.execute(NOW).scalar_one()


def bump(connection: sa.Connection) -> int:
    """The new epoch; it counts when the caller's transaction commits."""
    connection.execute(sa.update(sequence).where(ROW).values(next=sequence.c.next + 1))
    return current(connection)


def restart(connection: sa.Connection, floor: int) -> int:
    """A new epoch that was never given out, after a restore: at least `floor` (seconds since 1970, which no count of changes reaches).

    A process that ran on through the restore remembers keys under a number the older database would reach again.
    """
    found = max(current(connection) + 1, floor)
    connection.execute(sa.update(sequence).where(ROW).values(next=found))
    return found
