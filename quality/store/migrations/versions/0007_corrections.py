"""Requests for correction, provisional values, tickets of one license; what happened to a ticket or a sample's row can only be added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quality.store.tables import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN, STANDING = sa.text("closed_at IS NULL"), sa.text("ended_at IS NULL")
APPEND_ONLY = ("quality_ticket_event", "quality_sample_verdict", "quality_correction")
ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION quality_refuse_change()"
ALL_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION quality_refuse_change()"
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    op.add_column("quality_ticket", sa.Column("subject", sa.Text, nullable=False, server_default=""))
    op.drop_index("uq_quality_ticket_open", "quality_ticket")
    columns = ["rule", "resource", "body", "subject"]
    op.create_index("uq_quality_ticket_open", "quality_ticket", columns, unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    _correction()
    _provisional()
    protect = _protect_postgres if op.get_bind().dialect.name == "postgresql" else _protect_sqlite
    protect()


def _correction() -> None:
    op.create_table(
        "quality_correction",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("correction", "ticket")),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("fields", "named")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("reason", "asked_by")),
        sa.Column("asked_at", Instant, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("identifier", "path")),
        sa.PrimaryKeyConstraint("correction", name="pk_quality_correction"),
    )
    op.create_index("ix_quality_correction_ticket", "quality_correction", ["ticket"])


def _provisional() -> None:
    op.create_table(
        "quality_provisional",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("edit", "ticket")),
        sa.Column("row", BIG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("resource", "field", "license", "path", "made_by")),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
        sa.Column("ended", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("edit", name="pk_quality_provisional"),
    )
    op.create_index("ix_quality_provisional_ticket_row", "quality_provisional", ["ticket", "row"])
    op.create_index("ix_quality_provisional_license", "quality_provisional", ["license"], sqlite_where=STANDING, postgresql_where=STANDING)
    standing = ["ticket", "row", "field"]
    op.create_index(
        "uq_quality_provisional_standing", "quality_provisional", standing, unique=True, sqlite_where=STANDING, postgresql_where=STANDING
    )


def _protect_postgres() -> None:
    op.execute(
        """CREATE OR REPLACE FUNCTION quality_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"""
    )
    for table in APPEND_ONLY:
        op.execute(sa.DDL(ROW_TRIGGER, context={"name": table}))
        op.execute(sa.DDL(ALL_TRIGGER, context={"name": table}))


def _protect_sqlite() -> None:
    for table in APPEND_ONLY:
        for act in ("UPDATE", "DELETE"):
            op.execute(sa.DDL(SQLITE_TRIGGER, context={"name": table, "act": act}))
