"""What callers used of their budgets lately, from the counters themselves: calls by leases of the last windows, misses of this window."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.storage.engine import reading
from license_hub.storage.tables_grants import budget


@dataclass(frozen=True)
class Usage:
    calls: int = 0
    """Of the last hour, as leased by workers: a twentieth of a minute's quota more at most."""
    misses: int = 0
    """Of the window that runs."""


def used(hub: Hub) -> dict[str, Usage]:
    """Client → what it used."""
    now = int(hub.clock().timestamp())
    running = hub.budgets.misses.end(now)
    query = sa.select(budget.c.of, budget.c.window, budget.c.used).where(budget.c.window > now - 3_600)
    found: dict[str, Usage] = {}
    with reading(hub.engine) as connection:
        for of, window, count in connection.execute(query):
            kind, _, who = of.partition(":")
            known = found.get(who, Usage())
            if kind == "calls":
                found[who] = Usage(known.calls + min(count, hub.budgets.calls.quota), known.misses)
            elif kind == "misses" and window == running:
                found[who] = Usage(known.calls, known.misses + count)
    return found
