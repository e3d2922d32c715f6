"""A server's care for its logs: the audit log is integrated, and witnesses are asked for what the newest checkpoints lack.

Licenses are signed by `integrating`, at once.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import sqlalchemy as sa

from license_hub.errors import LeaseLost
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.service.logs import Log, audit, licenses
from license_hub.service.rounds import Rounds
from license_hub.service.witnessing import collect
from license_hub.storage.engine import reading
from license_hub.storage.tables import sequence

PERIOD_S = 1.0
AUDIT_PERIOD_S = 4.0
"""Between two checkpoints of the audit log: whoever was looked at has the proof within 5 s (issue 5 §3). Each is kept for good with some
4 kB of cosignatures, 86 MB a day at most.
"""


def attending(hub: Hub, period_s: float = PERIOD_S, audit_period_s: float = AUDIT_PERIOD_S) -> tuple[Rounds, ...]:
    """One for each log: the fault of one does not keep the other from its witnesses."""
    logs = ((licenses(hub), period_s), (audit(hub), audit_period_s))
    return tuple(Rounds("attending", partial(attend_round, hub, log), period) for log, period in logs)


def attend_round(hub: Hub, log: Log) -> None:
    """What is waiting, without waiting for anybody. Raises LogError."""
    # First, because a compromised key's successor may wait for a quorum on what it goes on from.
    collect(hub, log)
    if log.origin != hub.origin and _waiting(hub, log):
        with suppress(LeaseLost):
            integrate(hub, log, patience_s=0)
            collect(hub, log)


def _waiting(hub: Hub, log: Log) -> bool:
    """Whether leaves are committed that no checkpoint covers."""
    with reading(hub.engine) as connection:
        committed = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == log.tables.sequence)).scalar_one()
        signed = connection.execute(sa.select(sa.func.max(log.tables.checkpoint.c.size))).scalar() or 0
    return committed > signed
