"""Tables of samples. Their rows' values lie in the lake; verdicts are append-only, the last one on a row counts."""

from __future__ import annotations

import sqlalchemy as sa

from quality.store.tables import BIG, Instant, metadata

sample = sa.Table(
    "quality_sample",
    metadata,
    sa.Column("sample", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, nullable=False, index=True),
    sa.Column("rows", BIG, nullable=False),
    sa.Column("population", BIG, nullable=False),
    sa.Column("seed", BIG, nullable=False),
    sa.Column("drawn_at", Instant, nullable=False),
    sa.Column("drawn_by", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
)

sample_row = sa.Table(
    "quality_sample_row",
    metadata,
    sa.Column("sample", sa.Text, primary_key=True),
    sa.Column("row", BIG, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("division", sa.Text, nullable=False),
)

sample_verdict = sa.Table(
    "quality_sample_verdict",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("sample", sa.Text, nullable=False),
    sa.Column("row", BIG, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Index("ix_quality_sample_verdict_sample_row", "sample", "row"),
)
"""`verdict`: right | wrong | unknown; `fields`: names of those that are wrong."""
