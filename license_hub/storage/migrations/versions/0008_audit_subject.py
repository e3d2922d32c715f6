"""The index that was logged for an audit entry whose index has moved to a new key since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hub_audit_subject",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("logged", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_hub_audit_subject"),
        sa.ForeignKeyConstraint(["seq"], ["hub_audit.seq"], name="fk_hub_audit_subject_seq_hub_audit"),
    )
