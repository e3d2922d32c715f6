"""First tables, the current-state view, and the triggers that make tables append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
APPEND_ONLY = ("hub_leaf", "hub_version", "hub_holder", "hub_status", "hub_attestation", "hub_attestation_tile", "hub_audit")

CURRENT = """
CREATE VIEW hub_current AS
SELECT l.license_id, l.type_id, l.resource, v.entry, v.version, v.identifier, v.source_status, v.valid_from, v.valid_to,
       v.grade, v.holder_verified, v.as_of, s.entry AS status_entry, coalesce(s.state, v.source_status, 'STATUS_NOT_PROVIDED') AS state
FROM hub_license l
JOIN hub_version v ON v.entry = (SELECT max(w.entry) FROM hub_version w WHERE w.license_id = l.license_id)
LEFT JOIN hub_status s ON s.entry = (SELECT max(t.entry) FROM hub_status t WHERE t.license_id = l.license_id AND t.entry > v.entry)
"""

ROW_TRIGGER = "CREATE TRIGGER %(name)s_keep BEFORE UPDATE OR DELETE ON %(name)s FOR EACH ROW EXECUTE FUNCTION hub_refuse_change()"
TRUNCATE_TRIGGER = "CREATE TRIGGER %(name)s_keep_all BEFORE TRUNCATE ON %(name)s FOR EACH STATEMENT EXECUTE FUNCTION hub_refuse_change()"
SQLITE_TRIGGER = "CREATE TRIGGER %(name)s_keep_%(act)s BEFORE %(act)s ON %(name)s BEGIN SELECT RAISE(ABORT, '%(name)s is append-only'); END"


def upgrade() -> None:
    for make in (
        _license,
        _version,
        _holder,
        _status,
        _sequence,
        _leaf,
        _attestation,
        _attestation_tile,
        _checkpoint,
        _mark,
        _held,
        _client,
        _jti,
        _audit,
    ):
        make()
    op.execute(CURRENT)
    op.execute("INSERT INTO hub_sequence (name, next) VALUES ('log', 0), ('integrator', 0)")
    protect = _protect_postgres if op.get_bind().dialect.name == "postgresql" else _protect_sqlite
    protect()


def _protect_postgres() -> None:
    op.execute(
        """CREATE FUNCTION hub_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"""
    )
    for table in APPEND_ONLY:
        op.execute(sa.DDL(ROW_TRIGGER, context={"name": table}))
        op.execute(sa.DDL(TRUNCATE_TRIGGER, context={"name": table}))
    # Ciphertext does not compress: do not try on every large row.
    op.execute("ALTER TABLE hub_version ALTER COLUMN payload SET STORAGE EXTERNAL")


def _protect_sqlite() -> None:
    for table in APPEND_ONLY:
        for act in ("UPDATE", "DELETE"):
            op.execute(sa.DDL(SQLITE_TRIGGER, context={"name": table, "act": act}))


def _license() -> None:
    op.create_table(
        "hub_license",
        sa.Column("license_id", BIG, autoincrement=False, nullable=False),
        sa.Column("type_id", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("key_bi", sa.LargeBinary, nullable=False),
        sa.Column("issuer_code", TEXT, nullable=False),
        sa.Column("serial", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("license_id", name="pk_hub_license"),
        sa.UniqueConstraint("key_bi", "type_id", "resource", name="uq_hub_license_key_bi_type_id_resource"),
    )


def _version() -> None:
    op.create_table(
        "hub_version",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("license_id", BIG, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("identifier", TEXT, nullable=False),
        sa.Column("type_id", TEXT, nullable=False),
        sa.Column("number_bi", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("leaf_id", TEXT, nullable=False),
        sa.Column("publication", BIG, nullable=False),
        sa.Column("attestation_id", TEXT, nullable=False),
        sa.Column("attestation_index", BIG, nullable=False),
        sa.Column("valid_from", TEXT, nullable=True),
        sa.Column("valid_to", TEXT, nullable=True),
        sa.Column("source_status", TEXT, nullable=True),
        sa.Column("grade", TEXT, nullable=False),
        sa.Column("holder_verified", sa.Boolean, nullable=False),
        sa.Column("as_of", TEXT, nullable=False),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.Column("supersedes", BIG, nullable=True),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_version"),
        sa.UniqueConstraint("identifier", name="uq_hub_version_identifier"),
    )
    op.create_index("ix_hub_version_license_id_entry", "hub_version", ["license_id", "entry"])
    op.create_index("ix_hub_version_number_bi_type_id", "hub_version", ["number_bi", "type_id"])


def _holder() -> None:
    op.create_table(
        "hub_holder",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("number_bi", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entry", "position", name="pk_hub_holder"),
    )
    op.create_index("ix_hub_holder_number_bi", "hub_holder", ["number_bi"])


def _status() -> None:
    op.create_table(
        "hub_status",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("license_id", BIG, nullable=False),
        sa.Column("of_entry", BIG, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("act", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("document_no", TEXT, nullable=True),
        sa.Column("organ_code", TEXT, nullable=True),
        sa.Column("effective_on", TEXT, nullable=True),
        sa.Column("publication", BIG, nullable=True),
        sa.Column("recorded_at", TEXT, nullable=False),
        sa.Column("leaf_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_status"),
    )
    op.create_index("ix_hub_status_license_id_entry", "hub_status", ["license_id", "entry"])


def _sequence() -> None:
    op.create_table(
        "hub_sequence",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("next", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_hub_sequence"),
    )


def _leaf() -> None:
    op.create_table(
        "hub_leaf",
        sa.Column("entry", BIG, autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entry", name="pk_hub_leaf"),
    )
    op.create_index("ix_hub_leaf_leaf_hash", "hub_leaf", ["leaf_hash"])


def _attestation() -> None:
    op.create_table(
        "hub_attestation",
        sa.Column("attestation_id", TEXT, nullable=False),
        sa.Column("issuer_code", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("publication", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("alg", TEXT, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("signed_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("attestation_id", name="pk_hub_attestation"),
    )


def _attestation_tile() -> None:
    op.create_table(
        "hub_attestation_tile",
        sa.Column("attestation_id", TEXT, nullable=False),
        sa.Column("level", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("tile_index", BIG, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["attestation_id"],
            ["hub_attestation.attestation_id"],
        ),
        sa.PrimaryKeyConstraint("attestation_id", "level", "tile_index", name="pk_hub_attestation_tile"),
    )


def _checkpoint() -> None:
    op.create_table(
        "hub_checkpoint",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_hub_checkpoint"),
    )


def _mark() -> None:
    op.create_table(
        "hub_mark",
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("resource", name="pk_hub_mark"),
    )


def _held() -> None:
    op.create_table(
        "hub_held",
        sa.Column("type_id", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("key_bi", sa.LargeBinary, nullable=False),
        sa.Column("number_bi", sa.LargeBinary, nullable=False),
        sa.Column("partition", TEXT, nullable=False),
        sa.Column("publication", BIG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("since", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("type_id", "resource", "key_bi", name="pk_hub_held"),
    )
    op.create_index("ix_hub_held_number_bi_type_id", "hub_held", ["number_bi", "type_id"])


def _client() -> None:
    op.create_table(
        "hub_client",
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("jwk", TEXT, nullable=False),
        sa.Column("kid", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("types", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("disabled_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("client_id", name="pk_hub_client"),
    )


def _jti() -> None:
    op.create_table(
        "hub_jti",
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("jti", TEXT, nullable=False),
        sa.Column("expires_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["hub_client.client_id"],
        ),
        sa.PrimaryKeyConstraint("client_id", "jti", name="pk_hub_jti"),
    )
    op.create_index("ix_hub_jti_expires_at", "hub_jti", ["expires_at"])


def _audit() -> None:
    op.create_table(
        "hub_audit",
        sa.Column("seq", BIG, sa.Identity(), nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("entry", BIG, nullable=True),
        sa.Column("subject_bi", sa.LargeBinary, nullable=True),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=True),
        sa.Column("case_no", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_hub_audit"),
    )
    op.create_index("ix_hub_audit_at", "hub_audit", ["at"])
    op.create_index("ix_hub_audit_subject_bi", "hub_audit", ["subject_bi"])
