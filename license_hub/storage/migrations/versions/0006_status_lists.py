"""Published status lists and the seeds of their places."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
APPEND_ONLY = ("hub_status_shard",)

ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"
TRUNCATE_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
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
    for table in APPEND_ONLY:
        _protect(table)


def _protect(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.DDL(ROW_TRIGGER, context={"name": table}))
        op.execute(sa.DDL(TRUNCATE_TRIGGER, context={"name": table}))
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(sa.DDL(SQLITE_TRIGGER, context={"name": table, "act": act}))
