"""Clients: the secret of the GB/T 36906 facade and whether its plain token is allowed; the test clients beside the live ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for name in ("secret", "plain_token", "test_of"):
        op.add_column("hub_client", sa.Column(name, TEXT, nullable=True))
