"""One narrow line a checked delivery: what pages, trends and the bulletin read, so that a year of them costs no year of scores."""

from __future__ import annotations

import sqlalchemy as sa

from quality.store.tables import BIG, Instant, metadata

total = sa.Table(
    "quality_total",
    metadata,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("partition", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("as_of", Instant, nullable=False),
    sa.Column("checked_at", Instant, nullable=False),
    *(
        sa.Column(name, BIG, nullable=False)
        for name in ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned")
    ),
    sa.Column("measures", sa.JSON, nullable=False),
    sa.Column("score", sa.Float),
    sa.Index("ix_quality_total_resource_checked_at", "resource", "checked_at"),
    sa.Index("ix_quality_total_checked_at", "checked_at"),
)
"""`status` and the eight counts as in `quality_batch`; `measures`: indicator → [A, B, weight, errored, skipped] over all bodies, {} for a
delivery equal to the head's; `score`: of the resource once this was published, all its partitions together. A pushed row has no line.
Made of `quality_score` in the same transaction; can be made again from it."""
