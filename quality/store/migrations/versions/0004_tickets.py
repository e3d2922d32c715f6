"""Tickets, their rows, files and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quality.store.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    texts = ("kind", "rule", "resource", "body", "handler", "division", "batch", "opened_by")
    op.create_table(
        "quality_ticket",
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("number", BIG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("due_on", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("returned", "disputed", "extension_asked")),
        *(sa.Column(name, BIG, nullable=False) for name in ("rows_open", "rows_corrected", "rows_closed")),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("closed_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("ticket", name="pk_quality_ticket"),
        sa.UniqueConstraint("number", name="uq_quality_ticket_number"),
    )
    op.create_index(
        "uq_quality_ticket_open", "quality_ticket", ["rule", "resource", "body"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_quality_ticket_handler_state", "quality_ticket", ["handler", "state"])
    op.create_index("ix_quality_ticket_resource", "quality_ticket", ["resource"])
    op.create_table(
        "quality_ticket_row",
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("row", BIG, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("reopened", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("ticket", "row", name="pk_quality_ticket_row"),
    )
    op.create_table(
        "quality_ticket_part",
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("rows", BIG, nullable=False),
        sa.PrimaryKeyConstraint("ticket", "path", name="pk_quality_ticket_part"),
    )
    op.create_table(
        "quality_ticket_event",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "role", "act", "reason", "comment", "batch")),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quality_ticket_event"),
    )
    op.create_index("ix_quality_ticket_event_ticket", "quality_ticket_event", ["ticket"])
