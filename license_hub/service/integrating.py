"""The integrator of a server: a thread that signs what was committed, so that an online issue is provable within a second or two.

- Every worker process has one; whoever gets the lease does the round, the others find it taken and look again.
- The lease is taken for a round and given back: batch intake and fsck, which wait for it, get their turn.
- A fault of one round is logged and tried again, ever more slowly: verification and issuing go on meanwhile (proof: pending).
"""

from __future__ import annotations

import logging
from threading import Event, Thread

import sqlalchemy as sa

from license_hub.errors import LeaseLost
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.storage.engine import reading
from license_hub.storage.tables import checkpoint, sequence

PERIOD_S = 0.25
"""How often to look for entries that another process committed."""
SLOWEST_S = 30.0

logger = logging.getLogger("hub.integrator")


class Integrating:
    """Started with the server, stopped with it."""

    def __init__(self, hub: Hub):
        self._hub = hub
        self._wake, self._stopped = Event(), Event()
        self._thread = Thread(target=self._run, name="integrator", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        """Something was committed here: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Lets a running round finish."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = PERIOD_S
        while not self._stopped.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopped.is_set():
                return
            try:
                integrate_pending(self._hub)
                pause = PERIOD_S
            except Exception as fault:
                # Only what kind of fault: a database's message may quote a row.
                pause = min(pause * 2, SLOWEST_S)
                logger.error("no checkpoint: %s; next try in %.1f s", type(fault).__name__, pause)


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
