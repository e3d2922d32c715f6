"""What a restore replayed from the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hub_recovered",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("leaf_id", TEXT, nullable=False),
        sa.Column("of_leaf", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("license_id", BIG, nullable=True),
        sa.Column("lost", sa.Boolean, nullable=False),
        sa.Column("recovered_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_recovered"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER hub_recovered_keep BEFORE UPDATE OR DELETE ON hub_recovered FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER hub_recovered_keep_all BEFORE TRUNCATE ON hub_recovered FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            sa.DDL(
                "CREATE TRIGGER hub_recovered_keep_%(act)s BEFORE %(act)s ON hub_recovered "
                "BEGIN SELECT RAISE(ABORT, 'hub_recovered is append-only'); END",
                context={"act": act},
            )
        )
