"""What a process remembers of watched numbers (`service.canaries`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.storage.tables_grants import canary

if TYPE_CHECKING:
    from license_hub.service.hub import Hub


class Watch:
    """The watched indexes, as of the security epoch they were read in."""

    def __init__(self) -> None:
        self._known: tuple[int, frozenset[bytes]] = (-1, frozenset())
        self.alarms = 0

    def known(self, hub: Hub, connection: sa.Connection) -> frozenset[bytes]:
        number = hub.security.epoch
        if self._known[0] != number:
            rows = connection.execute(sa.select(canary.c.subject_bi)).scalars()
            self._known = number, frozenset(hub.crypt.advance("subject", bytes(one)) for one in rows)
        return self._known[1]
