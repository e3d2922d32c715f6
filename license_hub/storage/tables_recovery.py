"""What a restored database got back from the log, and what the log says it lost."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

recovered = sa.Table(
    "hub_recovered",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("leaf_id", TEXT, nullable=False),
    sa.Column("of_leaf", TEXT),
    sa.Column("status", TEXT),
    sa.Column("at", TEXT, nullable=False),
    sa.Column("license_id", BIG),
    sa.Column("lost", sa.Boolean, nullable=False),
    sa.Column("recovered_at", TEXT, nullable=False),
)
"""One row an entry that was replayed. `license_id` where the restored database knows the license; `lost`: the row's content is gone,
only its leaf is left. Append-only."""


def lost_versions(connection: sa.Connection) -> dict[int, int]:
    """License → how many versions of it a restore lost: their numbers were given out and are not given out again."""
    query = sa.select(recovered.c.license_id, sa.func.count()).where(recovered.c.kind == "change", recovered.c.lost)
    rows = connection.execute(query.where(recovered.c.license_id.is_not(None)).group_by(recovered.c.license_id))
    return {license_id: count for license_id, count in rows}
