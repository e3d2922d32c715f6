"""Published status lists and the seeds of their places; recalls, who relied, and their notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
APPEND_ONLY = ("hub_status_shard", "hub_recall", "hub_recall_item", "hub_recall_use")

ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"
TRUNCATE_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    _status()
    _recall()
    for table in APPEND_ONLY:
        _protect(table)


def _status() -> None:
    op.create_table(
        "hub_status_shard",
        sa.Column("shard", BIG, autoincrement=False, nullable=False),
        sa.Column("seed", sa.LargeBinary, nullable=False),
        sa.Column("made_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("shard", name="pk_hub_status_shard"),
    )
    op.create_table(
        "hub_status_list",
        sa.Column("shard", BIG, autoincrement=False, nullable=False),
        sa.Column("mark", BIG, nullable=False),
        sa.Column("day", TEXT, nullable=False),
        sa.Column("lst", sa.LargeBinary, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("issued_at", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("shard", name="pk_hub_status_list"),
    )


def _recall() -> None:
    op.create_table(
        "hub_recall",
        sa.Column("recall_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("operator", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("recall_id", name="pk_hub_recall"),
    )
    op.create_table(
        "hub_recall_item",
        sa.Column("recall_id", TEXT, nullable=False),
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("since", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("recall_id", "entry", name="pk_hub_recall_item"),
    )
    op.create_table(
        "hub_recall_use",
        sa.Column("recall_id", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("entry", BIG, nullable=False),
        sa.PrimaryKeyConstraint("recall_id", "actor", "seq", name="pk_hub_recall_use"),
    )
    op.create_table(
        "hub_notice",
        sa.Column("notice_id", TEXT, nullable=False),
        sa.Column("recall_id", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("acknowledged_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name="pk_hub_notice"),
        sa.UniqueConstraint("recall_id", "client_id", name="uq_hub_notice_recall_id_client_id"),
    )
    op.create_index("ix_hub_notice_client_id_notice_id", "hub_notice", ["client_id", "notice_id"])


def _protect(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.DDL(ROW_TRIGGER, context={"name": table}))
        op.execute(sa.DDL(TRUNCATE_TRIGGER, context={"name": table}))
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(sa.DDL(SQLITE_TRIGGER, context={"name": table, "act": act}))
