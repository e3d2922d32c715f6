"""Changes that came through a ticket: which held rows are, which versions were, and what the issuing organ said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
APPEND_ONLY = ("hub_corrected", "hub_held_act")

ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"
TRUNCATE_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    _held_ticket()
    op.create_table(
        "hub_corrected",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("ticket", TEXT, nullable=False),
        sa.Column("row", BIG, nullable=False),
        sa.PrimaryKeyConstraint("entry", "ticket", name="pk_hub_corrected"),
    )
    op.create_index("ix_hub_corrected_ticket_row", "hub_corrected", ["ticket", "row"])
    op.create_table(
        "hub_held_act",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("ticket", TEXT, nullable=False),
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("said", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("rows", BIG, nullable=False),
        sa.Column("issued", BIG, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hub_held_act"),
    )
    op.create_index("ix_hub_held_act_ticket", "hub_held_act", ["ticket"])
    for table in APPEND_ONLY:
        _protect(table)


def _held_ticket() -> None:
    held = ["type_id", "resource", "key_bi"]
    op.create_table(
        "hub_held_ticket",
        sa.Column("type_id", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("key_bi", sa.LargeBinary, nullable=False),
        sa.Column("ticket", TEXT, nullable=False),
        sa.Column("row", BIG, nullable=False),
        sa.Column("license_id", BIG, nullable=True),
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("answer", TEXT, nullable=False),
        sa.PrimaryKeyConstraint(*held, "ticket", name="pk_hub_held_ticket"),
        sa.ForeignKeyConstraint(held, [f"hub_held.{name}" for name in held], onupdate="CASCADE", ondelete="CASCADE"),
    )
    op.create_index("ix_hub_held_ticket_ticket", "hub_held_ticket", ["ticket"])
    op.create_index("ix_hub_held_ticket_license_id", "hub_held_ticket", ["license_id"])


def _protect(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.DDL(ROW_TRIGGER, context={"name": table}))
        op.execute(sa.DDL(TRUNCATE_TRIGGER, context={"name": table}))
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(sa.DDL(SQLITE_TRIGGER, context={"name": table, "act": act}))
