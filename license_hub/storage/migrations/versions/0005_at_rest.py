"""Erasures, and the narrow exception to append-only that re-encryption, re-indexing and erasure need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEALED = {
    "hub_version": "entry, license_id, version, identifier, type_id, leaf_id, publication, attestation_id, attestation_index, valid_from, "
    "valid_to, source_status, grade, holder_verified, as_of, recorded_at, supersedes",
    "hub_holder": "entry, position",
    "hub_audit": "seq, at, request_id, actor, action, entry, status, code, purpose, case_no",
    "hub_erasure": "entry, of_entry, leaf_id, reason, document_no, organ_code, recorded_at",
}


def upgrade() -> None:
    op.create_table(
        "hub_rewrite",
        sa.Column("id", BIG, sa.Identity(), nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("rows", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hub_rewrite"),
    )
    op.create_table(
        "hub_erasure",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("of_entry", BIG, nullable=False),
        sa.Column("leaf_id", TEXT, nullable=False),
        sa.Column("reason", TEXT),
        sa.Column("document_no", TEXT),
        sa.Column("organ_code", TEXT),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.Column("secret", sa.LargeBinary),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_erasure"),
        sa.UniqueConstraint("of_entry", name="uq_hub_erasure_of_entry"),
    )
    op.create_table(
        "hub_erased_row",
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("key_bi", sa.LargeBinary, nullable=False),
        sa.Column("entry", BIG, nullable=False),
        sa.PrimaryKeyConstraint("resource", "key_bi", name="pk_hub_erased_row"),
    )
    (_postgres if op.get_bind().dialect.name == "postgresql" else _sqlite)()


POSTGRES = (
    # `to_jsonb` and not a list of columns: a column that a later migration adds is protected too.
    """CREATE OR REPLACE FUNCTION hub_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE cells text[];
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            cells := CASE TG_TABLE_NAME WHEN 'hub_version' THEN '{payload,secret,number_bi}'::text[]
                WHEN 'hub_holder' THEN '{number_bi}'::text[] WHEN 'hub_audit' THEN '{subject_bi}'::text[]
                WHEN 'hub_erasure' THEN '{secret}'::text[] ELSE '{}'::text[] END;
            IF cells <> '{}' THEN
                IF to_jsonb(NEW) - cells = to_jsonb(OLD) - cells AND EXISTS (SELECT 1 FROM hub_rewrite WHERE open) THEN
                    RETURN NEW;
                END IF;
            END IF;
        END IF;
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$""",
    """CREATE FUNCTION hub_close_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.open AND (to_jsonb(NEW) - '{open,rows}'::text[]) = (to_jsonb(OLD) - '{open,rows}'::text[]) THEN RETURN NEW; END IF;
        END IF;
        RAISE EXCEPTION 'hub_rewrite is append-only' USING ERRCODE = 'restrict_violation';
    END $$""",
    "CREATE TRIGGER hub_rewrite_keep BEFORE UPDATE OR DELETE ON hub_rewrite FOR EACH ROW EXECUTE FUNCTION hub_close_rewrite()",
    "CREATE TRIGGER hub_rewrite_keep_all BEFORE TRUNCATE ON hub_rewrite FOR EACH STATEMENT EXECUTE FUNCTION hub_close_rewrite()",
    """CREATE FUNCTION hub_rewrite_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM hub_rewrite WHERE open) THEN
            RAISE EXCEPTION 'a rewrite must be closed before its transaction commits' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE CONSTRAINT TRIGGER hub_rewrite_closed AFTER INSERT OR UPDATE ON hub_rewrite DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hub_rewrite_is_closed()""",
    "CREATE TRIGGER hub_erasure_keep BEFORE UPDATE OR DELETE ON hub_erasure FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()",
    "CREATE TRIGGER hub_erasure_keep_all BEFORE TRUNCATE ON hub_erasure FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()",
)

SQLITE_CELLS = """CREATE TRIGGER %(name)s_keep_UPDATE BEFORE UPDATE ON %(name)s
    WHEN NOT EXISTS (SELECT 1 FROM hub_rewrite WHERE open) OR %(sealed)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"""
SQLITE_KEEP = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"
SQLITE_REWRITE = """CREATE TRIGGER hub_rewrite_keep_UPDATE BEFORE UPDATE ON hub_rewrite WHEN NOT OLD.open
    BEGIN SELECT RAISE(ABORT, 'hub_rewrite is append-only'); END"""


def _postgres() -> None:
    for statement in POSTGRES:
        op.execute(statement)


def _sqlite() -> None:
    for table, columns in SEALED.items():
        op.execute(sa.DDL("DROP TRIGGER IF EXISTS %(name)s_keep_UPDATE", context={"name": table}))
        sealed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns.split(", "))
        op.execute(sa.DDL(SQLITE_CELLS, context={"name": table, "sealed": sealed}))
    for table in ("hub_erasure", "hub_rewrite"):
        op.execute(sa.DDL(SQLITE_KEEP, context={"name": table, "act": "DELETE"}))
    op.execute(SQLITE_REWRITE)
