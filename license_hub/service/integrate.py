"""Extends the tiles to the last committed leaf and signs a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from license_hub.errors import LeaseLost, LogError
from license_hub.log import integrator
from license_hub.log.checkpoint import Checkpoint
from license_hub.service.hub import Hub
from license_hub.service.logs import Log, audit, licenses
from license_hub.service.succession import check_succession
from license_hub.service.witnessing import collect
from license_hub.storage.engine import reading
from license_hub.storage.leaves import LeafRows, leased
from license_hub.storage.outage import through_outages

PATIENCE_S = 60.0
"""How long to wait for another integrator: it may hold the lease for one large batch."""
_PAUSE_S = 0.05


def integrate(hub: Hub, log: Log | None = None, patience_s: float = PATIENCE_S) -> Checkpoint:
    """The checkpoint over all committed entries, of the licenses' log or another, through outages of the database.

    Raises LeaseLost if another integrator does not end within `patience_s`, KeyFault if no checkpoint key may sign, LogDiverged or
    LogError where a compromised key's successor must not go on.
    """
    chosen = log or licenses(hub)

    def attempt() -> Checkpoint:
        with as_integrator(hub, chosen, patience_s) as rows:
            with reading(hub.engine) as connection:
                # Keys change under the lease or before it: who signs is settled from here on.
                hub.security.refresh(connection)
                check_succession(hub, chosen, connection, rows.latest_checkpoint())
            return integrator.integrate(rows, chosen.tiles, hub.keyring.signers("checkpoint"), chosen.origin, hub.now())

    return through_outages(hub.engine, attempt)


def attend(hub: Hub, *, everyone: bool = False) -> dict[str, Checkpoint]:
    """One round over both logs: integrate, sign, ask the witnesses, `everyone` or until there is a quorum. Origin → checkpoint.

    Raises LogError.
    """
    done = {}
    for log in (licenses(hub), audit(hub)):
        try:
            done[log.origin] = integrate(hub, log)
        except LogError:
            # A compromised key's successor waits for a quorum on what it goes on from: there may be one by now.
            if not collect(hub, log):
                raise
            done[log.origin] = integrate(hub, log)
        collect(hub, log, everyone=everyone)
    return done


@contextmanager
def as_integrator(hub: Hub, log: Log | None = None, patience_s: float = PATIENCE_S) -> Iterator[LeafRows]:
    """The integrator's lease, waited for: while it is held tiles and checkpoints stay as they are but for the holder's own work."""
    until = time.monotonic() + patience_s
    with ExitStack() as stack:
        while True:
            try:
                rows = stack.enter_context(leased(hub.engine, hub.now(), (log or licenses(hub)).tables))
                break
            except LeaseLost:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE_S)
        yield rows
