"""Rows of tickets whose correction a reviewer did not accept: the same content does not correct them again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("quality_ticket_row", sa.Column("refused", sa.Boolean, nullable=False, server_default=sa.false()))
