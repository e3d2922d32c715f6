"""What is over goes: downloads nobody fetched, windows of budgets that ended. A server's work in rounds, so that it goes where nobody asks.

Whoever writes these tables forgets old rows on the way; on an idle server nobody does, and a file of a person would lie there.
"""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.service.rounds import Rounds
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_grants import budget
from license_hub.storage.tables_presentations import download

PERIOD_S = 60.0


def sweeping(hub: Hub) -> Rounds:
    return Rounds("sweeper", partial(sweep, hub), PERIOD_S)


def sweep(hub: Hub) -> int:
    """How many rows went. Looks first: on most rounds nothing is written."""
    ended = int(hub.clock().timestamp()) - hub.budgets.misses.seconds
    over = (download.c.expires_at <= instant(hub.now()), budget.c.window < ended)
    with reading(hub.engine) as connection:
        if not any(connection.execute(sa.select(sa.literal(1)).where(one).limit(1)).first() for one in over):
            return 0
    with writing(hub.engine) as connection:
        return sum(connection.execute(sa.delete(one.left.table).where(one)).rowcount for one in over)
