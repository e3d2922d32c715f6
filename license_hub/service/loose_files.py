"""Files and seals that were sent with a row of which no version was made: they stay no longer than the row itself."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import writing
from license_hub.storage.idempotency import KEPT
from license_hub.storage.tables_lifecycle import attachment
from quality.erase import rows_left


def drop_loose(hub: Hub) -> int:
    """Deletes those whose row was erased, has outlived its retention, or never landed and can no longer be sent again; how many went."""
    before = instant(hub.now() - KEPT)
    with writing(hub.engine) as connection:
        loose = sa.select(attachment.c.batch, attachment.c.recorded_at).where(attachment.c.entry.is_(None)).distinct()
        gone = []
        for row in connection.execute(loose):
            left = rows_left(hub.lake, row.batch)
            if left == 0 or (left is None and row.recorded_at < before):
                gone.append(row.batch)
        mine = (attachment.c.entry.is_(None), attachment.c.batch == sa.bindparam("b_batch"))
        return connection.execute(sa.delete(attachment).where(*mine), [{"b_batch": one} for one in gone]).rowcount if gone else 0
