"""Acts by notice, calls that must not happen twice, what an approval system sends with a row, and the organ a client acts for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
POSTGRES = (
    "CREATE TRIGGER hub_act_approval_keep BEFORE UPDATE OR DELETE ON hub_act_approval FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()",
    "CREATE TRIGGER hub_act_approval_keep_all BEFORE TRUNCATE ON hub_act_approval FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()",
)
SQLITE = (
    "CREATE TRIGGER hub_act_approval_keep_UPDATE BEFORE UPDATE ON hub_act_approval "
    "BEGIN SELECT RAISE(ABORT, 'hub_act_approval is append-only'); END",
    "CREATE TRIGGER hub_act_approval_keep_DELETE BEFORE DELETE ON hub_act_approval "
    "BEGIN SELECT RAISE(ABORT, 'hub_act_approval is append-only'); END",
)


def upgrade() -> None:
    op.add_column("hub_client", sa.Column("organ", TEXT, nullable=True))
    for make in (_idempotency, _act_batch, _act_approval, _attachment):
        make()
    named = sa.text("organ_code IS NOT NULL")
    columns = ["organ_code", "recorded_at"]
    op.create_index("ix_hub_status_organ_code_recorded_at", "hub_status", columns, postgresql_where=named, sqlite_where=named)
    protect = POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE
    for statement in protect:
        op.execute(statement)


def _idempotency() -> None:
    op.create_table(
        "hub_idempotency",
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("route", TEXT, nullable=False),
        sa.Column("key_hash", sa.LargeBinary, nullable=False),
        sa.Column("body_mac", sa.LargeBinary, nullable=False),
        sa.Column("type_id", TEXT, nullable=True),
        sa.Column("batch", TEXT, nullable=True),
        sa.Column("http_status", BIG, nullable=True),
        sa.Column("answer", sa.LargeBinary, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("client_id", "route", "key_hash", name="pk_hub_idempotency"),
    )
    op.create_index("ix_hub_idempotency_batch", "hub_idempotency", ["batch"])
    op.create_index("ix_hub_idempotency_expires_at", "hub_idempotency", ["expires_at"])


def _act_batch() -> None:
    op.create_table(
        "hub_act_batch",
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("acts", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("proposed_by", TEXT, nullable=False),
        sa.Column("proposed_at", TEXT, nullable=False),
        sa.Column("applied_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name="pk_hub_act_batch"),
    )


def _act_approval() -> None:
    op.create_table(
        "hub_act_approval",
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("approved_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "name", name="pk_hub_act_approval"),
    )


def _attachment() -> None:
    op.create_table(
        "hub_attachment",
        sa.Column("batch", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("entry", BIG, nullable=True),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("batch", "kind", name="pk_hub_attachment"),
    )
    op.create_index("ix_hub_attachment_entry", "hub_attachment", ["entry"])
