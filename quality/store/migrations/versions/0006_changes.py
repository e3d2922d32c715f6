"""Changes of thresholds, severities and weights over the catalogue; append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quality.store.tables import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
APPEND_ONLY = ("quality_change", "quality_change_act")
ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION quality_refuse_change()"
TRUNCATE_TRIGGER = (
    "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION quality_refuse_change()"
)
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    op.create_table(
        "quality_change",
        sa.Column("number", BIG, autoincrement=True, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("edits", sa.JSON, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("author", "reason", "catalog_version")),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_quality_change"),
    )
    op.create_index("ix_quality_change_resource", "quality_change", ["resource"])
    op.create_table(
        "quality_change_act",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("change", BIG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("act", "actor", "reason", "catalog_version")),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quality_change_act"),
        sa.UniqueConstraint("change", name="uq_quality_change_act_change"),
    )
    _protect()


def _protect() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            """CREATE OR REPLACE FUNCTION quality_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"""
        )
        statements = [(template, {"name": name}) for name in APPEND_ONLY for template in (ROW_TRIGGER, TRUNCATE_TRIGGER)]
    else:
        statements = [(SQLITE_TRIGGER, {"name": name, "act": act}) for name in APPEND_ONLY for act in ("UPDATE", "DELETE")]
    for template, context in statements:
        op.execute(sa.DDL(template, context=context))
