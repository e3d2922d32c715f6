"""The integrator of a server: it signs what was committed, so that an online issue is provable within a second or two.

The lease is taken for a round and given back: batch intake and fsck, which wait for it, get their turn. A fault leaves verification and
issuing going on meanwhile (proof: pending).
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.errors import LeaseLost
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.service.rounds import Rounds
from license_hub.storage.engine import reading
from license_hub.storage.tables import checkpoint, sequence

PERIOD_S = 0.25
"""How often to look for entries that another process committed."""


def integrating(hub: Hub) -> Rounds:
    return Rounds("integrator", lambda: integrate_pending(hub), PERIOD_S)


def integrate_pending(hub: Hub) -> bool:
    """One round, if there is something to sign and nobody else is at it; whether it signed. Raises LogError."""
    with reading(hub.engine) as connection:
        committed = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "log")).scalar_one()
        signed = signed_size(connection)
    if committed <= signed:
        return False
    try:
        integrate(hub, patience_s=0)
    except LeaseLost:
        return False
    return True


def signed_size(connection: sa.Connection) -> int:
    """Entries under the newest checkpoint."""
    return connection.execute(sa.select(sa.func.max(checkpoint.c.size))).scalar() or 0
