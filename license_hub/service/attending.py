"""A server's care for its logs: the audit log is integrated, and witnesses are asked for what the newest checkpoints lack.

Every worker process has one thread; whoever gets a lease does that round's work, the others pass. A fault is logged and tried again.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

import sqlalchemy as sa

from license_hub.errors import LeaseLost
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.service.logs import Log, audit, licenses
from license_hub.service.witnessing import collect
from license_hub.storage.engine import reading
from license_hub.storage.tables import sequence

PERIOD_S = 1.0
AUDIT_EVERY = 10
"""Rounds between two checkpoints of the audit log: each is kept for good with some 4 kB of cosignatures."""

logger = logging.getLogger("hub.attending")


class Attending:
    """Started with the server, stopped with it."""

    def __init__(self, hub: Hub, period_s: float = PERIOD_S):
        self._hub = hub
        self._period = period_s
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="attending", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets a running round finish."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopped.wait(self._period):
            number += 1
            try:
                attend_round(self._hub, with_audit=number % AUDIT_EVERY == 0)
            except Exception as fault:
                # Only what kind of fault: a database's message may quote a row.
                logger.error("log not attended: %s", type(fault).__name__)


def attend_round(hub: Hub, *, with_audit: bool) -> None:
    """What is waiting, without waiting for anybody. Raises LogError."""
    kept = audit(hub)
    if with_audit and _waiting(hub, kept):
        try:
            integrate(hub, kept, patience_s=0)
        except LeaseLost:
            logger.debug("another process integrates the audit log")
    for log in (licenses(hub), kept):
        collect(hub, log)


def _waiting(hub: Hub, log: Log) -> bool:
    """Whether leaves are committed that no checkpoint covers."""
    with reading(hub.engine) as connection:
        committed = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == log.tables.sequence)).scalar_one()
        signed = connection.execute(sa.select(sa.func.max(log.tables.checkpoint.c.size))).scalar() or 0
    return committed > signed
