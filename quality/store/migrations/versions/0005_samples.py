"""Samples that people compare with the source's archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quality.store.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "quality_sample",
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        *(sa.Column(name, BIG, nullable=False) for name in ("rows", "population", "seed")),
        sa.Column("drawn_at", Instant, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("drawn_by", "path")),
        sa.PrimaryKeyConstraint("sample", name="pk_quality_sample"),
    )
    op.create_index("ix_quality_sample_resource", "quality_sample", ["resource"])
    op.create_table(
        "quality_sample_row",
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("row", BIG, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("body", "division")),
        sa.PrimaryKeyConstraint("sample", "row", name="pk_quality_sample_row"),
    )
    op.create_table(
        "quality_sample_verdict",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("row", BIG, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quality_sample_verdict"),
    )
    op.create_index("ix_quality_sample_verdict_sample_row", "quality_sample_verdict", ["sample", "row"])
