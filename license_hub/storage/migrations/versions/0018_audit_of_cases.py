"""Audit entries are found by their case's number: a case's archive has them all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    some = sa.text("case_no IS NOT NULL")
    op.create_index("ix_hub_audit_case_no", "hub_audit", ["case_no"], sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    op.drop_index("ix_hub_audit_case_no", "hub_audit")
