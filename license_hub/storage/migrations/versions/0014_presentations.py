"""What leaves the hub for a moment: codes that holders show, copies, downloads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hub_presentation",
        sa.Column("presentation_id", TEXT, nullable=False),
        sa.Column("entry", BIG, nullable=False),
        sa.Column("minted_at", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.Column("scanner", TEXT, nullable=True),
        sa.Column("case_no", TEXT, nullable=True),
        sa.Column("scanned_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("presentation_id", name="pk_hub_presentation"),
    )
    op.create_index("ix_hub_presentation_expires_at", "hub_presentation", ["expires_at"])
    op.create_index("ix_hub_presentation_scanner_case_no", "hub_presentation", ["scanner", "case_no"])
    op.create_table(
        "hub_copy",
        sa.Column("copy_id", TEXT, nullable=False),
        sa.Column("entry", BIG, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("made_at", TEXT, nullable=False),
        sa.Column("valid_to", TEXT, nullable=False),
        sa.Column("purpose", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("copy_id", name="pk_hub_copy"),
        sa.UniqueConstraint("sha256", name="uq_hub_copy_sha256"),
    )
    op.create_index("ix_hub_copy_entry", "hub_copy", ["entry"])
    op.create_table(
        "hub_download",
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("entry", BIG, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("case_no", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_hub_download"),
    )
    op.create_index("ix_hub_download_expires_at", "hub_download", ["expires_at"])
    op.create_index("ix_hub_download_entry", "hub_download", ["entry"])
    # Files that are found by what they are, one by one.
    op.create_index("ix_hub_attachment_sha256", "hub_attachment", ["sha256"])
