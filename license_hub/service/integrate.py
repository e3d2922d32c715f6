"""Extends the tiles to the last committed leaf and signs a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from license_hub.errors import LeaseLost
from license_hub.log import integrator
from license_hub.log.checkpoint import Checkpoint
from license_hub.service.hub import Hub
from license_hub.storage.leaves import LeafRows, leased
from license_hub.storage.outage import through_outages

PATIENCE_S = 60.0
"""How long to wait for another integrator: it may hold the lease for one large batch."""
_PAUSE_S = 0.05


def integrate(hub: Hub) -> Checkpoint:
    """The checkpoint over all committed entries, through outages of the database. Raises LeaseLost if another integrator does not end."""

    def attempt() -> Checkpoint:
        with as_integrator(hub) as rows:
            return integrator.integrate(rows, hub.tiles, hub.keyring.signers("checkpoint"), hub.origin, hub.now())

    return through_outages(hub.engine, attempt)


@contextmanager
def as_integrator(hub: Hub) -> Iterator[LeafRows]:
    """The integrator's lease, waited for: while it is held tiles and checkpoints stay as they are but for the holder's own work."""
    until = time.monotonic() + PATIENCE_S
    with ExitStack() as stack:
        while True:
            try:
                rows = stack.enter_context(leased(hub.engine, hub.now()))
                break
            except LeaseLost:
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE_S)
        yield rows
