"""Cases, decisions, receipts, questions to issuing bodies; a guard for append-only tables whose cells a rewrite may change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CELLS = {"hub_case_party": ("number_bi", "payload"), "hub_decision": ("payload",), "hub_receipt": ("payload",)}
"""Append-only table → cells that re-encryption and erasure change."""

GUARD = """CREATE FUNCTION hub_refuse_but_cells() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF to_jsonb(NEW) - TG_ARGV = to_jsonb(OLD) - TG_ARGV AND EXISTS (SELECT 1 FROM hub_rewrite WHERE open) THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$"""
ROW_TRIGGER = """CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s
    FOR EACH ROW EXECUTE FUNCTION hub_refuse_but_cells(%(cells)s)"""
TRUNCATE_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
SQLITE_CELLS = """CREATE TRIGGER %(name)s_keep_UPDATE BEFORE UPDATE ON %(name)s
    WHEN NOT EXISTS (SELECT 1 FROM hub_rewrite WHERE open) OR %(sealed)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"""
SQLITE_KEEP = "CREATE TRIGGER %(name)s_keep_DELETE BEFORE DELETE ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    sealed = {table.name: [one.name for one in table.columns] for table in (_party(), _decision(), _receipt())}
    _case()
    _task()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(GUARD)
        for table, cells in CELLS.items():
            context = {"name": table, "cells": ", ".join(f"'{one}'" for one in cells)}
            op.execute(sa.DDL(ROW_TRIGGER, context=context))
            op.execute(sa.DDL(TRUNCATE_TRIGGER, context=context))
        return
    for table, columns in sealed.items():
        kept = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns if column not in CELLS[table])
        op.execute(sa.DDL(SQLITE_CELLS, context={"name": table, "sealed": kept}))
        op.execute(sa.DDL(SQLITE_KEEP, context={"name": table}))


def _case() -> None:
    texts = ("client_id", "case_no", "matter", "matter_version", "state", "operator", "window", "received_in", "handled_in", "opened_at")
    op.create_table(
        "hub_case",
        sa.Column("case_id", BIG, sa.Identity(), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        sa.Column("closed_at", TEXT),
        sa.Column("result", TEXT),
        sa.PrimaryKeyConstraint("case_id", name="pk_hub_case"),
        sa.UniqueConstraint("client_id", "case_no", name="uq_hub_case_client_id_case_no"),
    )


def _party() -> sa.Table:
    made = op.create_table(
        "hub_case_party",
        sa.Column("case_id", BIG, autoincrement=False, nullable=False),
        sa.Column("party", TEXT, nullable=False),
        sa.Column("number_bi", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("case_id", "party", name="pk_hub_case_party"),
    )
    op.create_index("ix_hub_case_party_number_bi", "hub_case_party", ["number_bi"])
    return made


def _decision() -> sa.Table:
    return op.create_table(
        "hub_decision",
        sa.Column("decision_id", TEXT, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("operator", "rule_version", "request_id")),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name="pk_hub_decision"),
        sa.UniqueConstraint("case_id", "seq", name="uq_hub_decision_case_id_seq"),
    )


def _receipt() -> sa.Table:
    made = op.create_table(
        "hub_receipt",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("receipt_id", TEXT, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("decision_id", "matter", "material", "channel", "outcome", "reason")),
        sa.Column("version_entry", BIG),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_receipt"),
        sa.UniqueConstraint("receipt_id", name="uq_hub_receipt_receipt_id"),
    )
    op.create_index("ix_hub_receipt_case_id", "hub_receipt", ["case_id"])
    op.create_index("ix_hub_receipt_recorded_at", "hub_receipt", ["recorded_at"])
    return made


def _task() -> None:
    op.create_table(
        "hub_check_task",
        sa.Column("task_id", TEXT, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("material", "party", "department", "opened_at", "due_on")),
        *(sa.Column(name, TEXT) for name in ("answer", "answered_by", "answered_at")),
        sa.Column("note", sa.LargeBinary),
        sa.PrimaryKeyConstraint("task_id", name="pk_hub_check_task"),
        sa.UniqueConstraint("case_id", "material", name="uq_hub_check_task_case_id_material"),
    )
    op.create_index("ix_hub_check_task_department_answer", "hub_check_task", ["department", "answer"])
