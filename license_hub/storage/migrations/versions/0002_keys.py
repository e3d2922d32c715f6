"""States of keys, their changes, manifests signed by the root, and the security epoch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
APPEND_ONLY = ("hub_key_change", "hub_manifest")

ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"
TRUNCATE_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    op.create_table(
        "hub_key",
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("alg", TEXT, nullable=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("not_before", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("changed_at", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("since", TEXT, nullable=True),
        sa.Column("until_size", BIG, nullable=True),
        sa.Column("until_root", sa.LargeBinary, nullable=True),
        sa.Column("entry", BIG, nullable=True),
        sa.Column("leaf_id", TEXT, nullable=True),
        sa.Column("manifest", BIG, nullable=True),
        sa.PrimaryKeyConstraint("kid", name="pk_hub_key"),
    )
    op.create_index("ix_hub_key_role", "hub_key", ["role"])
    op.create_table(
        "hub_key_change",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("leaf_id", TEXT, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_key_change"),
    )
    op.create_table(
        "hub_manifest",
        sa.Column("sequence", BIG, autoincrement=False, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_hub_manifest"),
    )
    op.execute("INSERT INTO hub_sequence (name, next) VALUES ('epoch', 1)")
    for name in APPEND_ONLY:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(sa.DDL(ROW_TRIGGER, context={"name": name}))
            op.execute(sa.DDL(TRUNCATE_TRIGGER, context={"name": name}))
        else:
            for act in ("UPDATE", "DELETE"):
                op.execute(sa.DDL(SQLITE_TRIGGER, context={"name": name, "act": act}))
