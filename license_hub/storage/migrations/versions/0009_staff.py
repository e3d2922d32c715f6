"""People who sign in: accounts, sessions, failed sign-ins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hub_account",
        sa.Column("account", TEXT, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", TEXT, nullable=True),
        sa.Column("roles", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("disabled_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("account", name="pk_hub_account"),
    )
    op.create_table(
        "hub_session",
        sa.Column("session", sa.LargeBinary, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("opened_at", BIG, nullable=False),
        sa.Column("seen_at", BIG, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["hub_account.account"]),
        sa.PrimaryKeyConstraint("session", name="pk_hub_session"),
    )
    op.create_index("ix_hub_session_account", "hub_session", ["account"])
    op.create_index("ix_hub_session_opened_at", "hub_session", ["opened_at"])
    op.create_table(
        "hub_sign_in_failure",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("of", sa.LargeBinary, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hub_sign_in_failure"),
    )
    op.create_index("ix_hub_sign_in_failure_of_at", "hub_sign_in_failure", ["of", "at"])
    op.create_index("ix_hub_sign_in_failure_at", "hub_sign_in_failure", ["at"])
