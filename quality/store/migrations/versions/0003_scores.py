"""A and B of the quality indicators by batch, responsible body and division; the weights a batch's scores go by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("quality_batch", sa.Column("weights", sa.JSON, nullable=True))
    op.create_table(
        "quality_score",
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("division", sa.Text, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("satisfied", BIG, nullable=False),
        sa.Column("evaluated", BIG, nullable=False),
        sa.Column("errored", sa.Integer, nullable=False),
        sa.Column("skipped", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("batch", "body", "division", "indicator", name="pk_quality_score"),
    )
    op.create_index("ix_quality_score_resource_indicator", "quality_score", ["resource", "indicator"])
