"""Cosigned checkpoints, and a log of its own for audit entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

ROW_TRIGGER = """CREATE TRIGGER hub_audit_leaf_keep BEFORE UPDATE OR DELETE ON hub_audit_leaf
FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"""
TRUNCATE_TRIGGER = """CREATE TRIGGER hub_audit_leaf_keep_all BEFORE TRUNCATE ON hub_audit_leaf
FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"""
SQLITE_TRIGGERS = (
    "CREATE TRIGGER hub_audit_leaf_keep_UPDATE BEFORE UPDATE ON hub_audit_leaf "
    "BEGIN SELECT RAISE(ABORT, 'hub_audit_leaf is append-only'); END",
    "CREATE TRIGGER hub_audit_leaf_keep_DELETE BEFORE DELETE ON hub_audit_leaf "
    "BEGIN SELECT RAISE(ABORT, 'hub_audit_leaf is append-only'); END",
)


def upgrade() -> None:
    op.add_column("hub_checkpoint", sa.Column("cosigned", TEXT, nullable=True))
    op.add_column("hub_checkpoint", sa.Column("witnessed_at", TEXT, nullable=True))
    op.add_column("hub_audit", sa.Column("log_entry", BIG, nullable=True))
    op.add_column("hub_audit", sa.Column("place", BIG, nullable=True))
    op.create_table(
        "hub_audit_leaf",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_audit_leaf"),
    )
    op.create_table(
        "hub_audit_checkpoint",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("cosigned", TEXT, nullable=True),
        sa.Column("witnessed_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("size", name="pk_hub_audit_checkpoint"),
    )
    op.execute("INSERT INTO hub_sequence (name, next) VALUES ('audit', 0), ('audit-integrator', 0)")
    postgres = op.get_bind().dialect.name == "postgresql"
    for statement in (ROW_TRIGGER, TRUNCATE_TRIGGER) if postgres else SQLITE_TRIGGERS:
        op.execute(statement)
