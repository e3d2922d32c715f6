"""Use grants, authorisations, budgets, watched numbers, sessions of holders; tokens bound to a key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hub_use_grant",
        sa.Column("grant_id", BIG, sa.Identity(), nullable=False),
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in ("client_id", "type_id", "purpose", "document_no", "given_by", "given_at", "valid_until")
        ),
        *(sa.Column(name, TEXT, nullable=True) for name in ("suspended_at", "ended_at")),
        sa.PrimaryKeyConstraint("grant_id", name="pk_hub_use_grant"),
        sa.UniqueConstraint("client_id", "type_id", "purpose", name="uq_hub_use_grant_client_id_type_id_purpose"),
    )
    _authorization()
    op.create_table(
        "hub_budget",
        sa.Column("of", TEXT, nullable=False),
        sa.Column("window", BIG, autoincrement=False, nullable=False),
        sa.Column("used", BIG, nullable=False),
        sa.PrimaryKeyConstraint("of", "window", name="pk_hub_budget"),
    )
    op.create_index("ix_hub_budget_window", "hub_budget", ["window"])
    op.create_table(
        "hub_canary",
        sa.Column("subject_bi", sa.LargeBinary, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("planted_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("subject_bi", name="pk_hub_canary"),
    )
    op.create_table(
        "hub_holder_session",
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("session", "subject_bi", "payload")),
        *(sa.Column(name, BIG, nullable=False) for name in ("opened_at", "seen_at")),
        sa.PrimaryKeyConstraint("session", name="pk_hub_holder_session"),
    )
    op.create_index("ix_hub_holder_session_opened_at", "hub_holder_session", ["opened_at"])
    # A holder's looks are found by license too: refusals, and licenses of several holders.
    op.create_index("ix_hub_audit_entry", "hub_audit", ["entry"])


def _authorization() -> None:
    op.create_table(
        "hub_authorization",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "kind", "client_id")),
        sa.Column("case_id", BIG, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("type_id", "purpose")),
        sa.Column("subject_bi", sa.LargeBinary, nullable=False),
        sa.Column("license_id", BIG, nullable=True),
        sa.Column("operator", TEXT, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("relation", "evidence")),
        *(sa.Column(name, sa.LargeBinary, nullable=True) for name in ("payload", "code_bi")),
        sa.Column("asked_at", TEXT, nullable=False),
        *(sa.Column(name, TEXT, nullable=True) for name in ("given_at", "declined_at", "withdrawn_at")),
        sa.Column("valid_until", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hub_authorization"),
    )
    op.create_index("ix_hub_authorization_subject_bi", "hub_authorization", ["subject_bi"])
    op.create_index("ix_hub_authorization_case_id", "hub_authorization", ["case_id"])
    op.create_index("ix_hub_authorization_code_bi", "hub_authorization", ["code_bi"], unique=True)
