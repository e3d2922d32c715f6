"""Publications of one pushed row, and what later deliveries say otherwise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quality.store.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("quality_publication", sa.Column("pushed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "quality_reconciliation",
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("pushed", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=True),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("found_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("batch", "pushed", name="pk_quality_reconciliation"),
    )
    op.create_index("ix_quality_reconciliation_resource", "quality_reconciliation", ["resource"])
