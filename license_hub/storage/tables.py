"""The hub's tables (SQLAlchemy Core). Shapes are those of docs/architecture.md; migrations make them, `test_migrations` compares.

- Append-only (triggers refuse UPDATE and DELETE): hub_leaf, hub_version, hub_holder, hub_status, hub_attestation,
  hub_attestation_tile, hub_audit.
- No plaintext holder number, certificate number or name in any column: `*_bi` are blind indexes, `payload` and `secret` are encrypted.
- `entry` is everywhere the index of the row's leaf in the log.
- Instants are ISO 8601 UTC text (`2026-11-21T08:00:00Z`), dates ISO text: the same bytes on both databases, and what the leaf commits to.
- Bulk tables have no foreign keys: a row trigger for each COPYed row costs more than the insert; `fsck` checks the references instead.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Codes and identifiers are compared byte by byte: faster than by a language's rules, and the same on every server."""

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite counts only in a column declared INTEGER."""

current = sa.table(
    "hub_current",
    *(sa.column(name, BIG) for name in ("license_id", "entry", "status_entry")),
    *(
        sa.column(name, TEXT)
        for name in ("type_id", "resource", "version", "identifier", "source_status", "valid_from", "valid_to", "grade", "as_of", "state")
    ),
    sa.column("holder_verified", sa.Boolean),
)
"""View: the newest version of each license and its state now (newest status event after that version, else the version's own)."""

APPEND_ONLY = ("hub_leaf", "hub_version", "hub_holder", "hub_status", "hub_attestation", "hub_attestation_tile", "hub_audit")

sequence = sa.Table(
    "hub_sequence",
    metadata,
    sa.Column("name", TEXT, primary_key=True),
    sa.Column("next", BIG, nullable=False),
)
"""Row `log`: the next free entry, locked by every writer; `integrator`: the newest fencing number. `audit`, `audit-integrator`: the
same of the audit entries' log."""

license = sa.Table(
    "hub_license",
    metadata,
    sa.Column("license_id", BIG, primary_key=True, autoincrement=False),
    sa.Column("type_id", TEXT, nullable=False),
    sa.Column("resource", TEXT, nullable=False),
    sa.Column("key_bi", sa.LargeBinary, nullable=False),
    sa.Column("issuer_code", TEXT, nullable=False),
    sa.Column("serial", TEXT, nullable=False),
    sa.UniqueConstraint("key_bi", "type_id", "resource"),
)

version = sa.Table(
    "hub_version",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("license_id", BIG, nullable=False),
    sa.Column("version", TEXT, nullable=False),
    sa.Column("identifier", TEXT, nullable=False, unique=True),
    sa.Column("type_id", TEXT, nullable=False),
    sa.Column("number_bi", sa.LargeBinary, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("leaf_id", TEXT, nullable=False),
    sa.Column("publication", BIG, nullable=False),
    sa.Column("attestation_id", TEXT, nullable=False),
    sa.Column("attestation_index", BIG, nullable=False),
    sa.Column("valid_from", TEXT),
    sa.Column("valid_to", TEXT),
    sa.Column("source_status", TEXT),
    sa.Column("grade", TEXT, nullable=False),
    sa.Column("holder_verified", sa.Boolean, nullable=False),
    sa.Column("as_of", TEXT, nullable=False),
    sa.Column("recorded_at", TEXT, nullable=False),
    sa.Column("supersedes", BIG),
    sa.Index(None, "number_bi", "type_id"),
    sa.Index(None, "license_id", "entry"),
)
"""`supersedes` is the entry of the version this one replaces."""

holder = sa.Table(
    "hub_holder",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("position", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("number_bi", sa.LargeBinary, nullable=False),
    sa.Index(None, "number_bi"),
)

status = sa.Table(
    "hub_status",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("license_id", BIG, nullable=False),
    sa.Column("of_entry", BIG, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("act", TEXT, nullable=False),
    sa.Column("reason", TEXT),
    sa.Column("document_no", TEXT),
    sa.Column("organ_code", TEXT),
    sa.Column("effective_on", TEXT),
    sa.Column("publication", BIG),
    sa.Column("recorded_at", TEXT, nullable=False),
    sa.Column("leaf_id", TEXT, nullable=False),
    sa.Index(None, "license_id", "entry"),
)
"""The commitment's secret derives from that of the version `of_entry` (`signing.commitment.act_secret`)."""

leaf = sa.Table(
    "hub_leaf",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
    sa.Index(None, "leaf_hash"),
)

attestation = sa.Table(
    "hub_attestation",
    metadata,
    sa.Column("attestation_id", TEXT, primary_key=True),
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
)

attestation_tile = sa.Table(
    "hub_attestation_tile",
    metadata,
    sa.Column("attestation_id", TEXT, sa.ForeignKey("hub_attestation.attestation_id"), primary_key=True),
    sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("tile_index", BIG, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

checkpoint = sa.Table(
    "hub_checkpoint",
    metadata,
    sa.Column("size", BIG, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", TEXT, nullable=False),
    sa.Column("created_at", TEXT, nullable=False),
    sa.Column("cosigned", TEXT),
    sa.Column("witnessed_at", TEXT),
)
"""`note`: as the log signed it. `cosigned`: the same with witnesses' lines; `witnessed_at`: when they first were a quorum."""

mark = sa.Table(
    "hub_mark",
    metadata,
    sa.Column("resource", TEXT, primary_key=True),
    sa.Column("number", BIG, nullable=False),
    sa.Column("updated_at", TEXT, nullable=False),
)

held = sa.Table(
    "hub_held",
    metadata,
    sa.Column("type_id", TEXT, primary_key=True),
    sa.Column("resource", TEXT, primary_key=True),
    sa.Column("key_bi", sa.LargeBinary, primary_key=True),
    sa.Column("number_bi", sa.LargeBinary, nullable=False),
    sa.Column("partition", TEXT, nullable=False),
    sa.Column("publication", BIG, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("since", TEXT, nullable=False),
    sa.Index(None, "number_bi", "type_id"),
)

client = sa.Table(
    "hub_client",
    metadata,
    sa.Column("client_id", TEXT, primary_key=True),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("jwk", TEXT, nullable=False),
    sa.Column("kid", TEXT, nullable=False),
    sa.Column("scopes", TEXT, nullable=False),
    sa.Column("types", TEXT, nullable=False),
    sa.Column("created_at", TEXT, nullable=False),
    sa.Column("disabled_at", TEXT),
    sa.Column("organ", TEXT),
    sa.Column("secret", TEXT),
    sa.Column("plain_token", TEXT),
    sa.Column("test_of", TEXT),
)
"""`organ`: credit code of the organ the client acts for; without one it changes no status and sends no rows. `secret`: Argon2id, of the
facade. `plain_token`: the approval by which the facade's plain token is given. `test_of`: the live client whose test client it is."""

jti = sa.Table(
    "hub_jti",
    metadata,
    sa.Column("client_id", TEXT, sa.ForeignKey("hub_client.client_id"), primary_key=True),
    sa.Column("jti", TEXT, primary_key=True),
    sa.Column("expires_at", TEXT, nullable=False),
    sa.Index(None, "expires_at"),
)

TURNED_AWAY = sa.text("status = 'REFUSED' OR code IN ('NO_GRANT', 'GRANT_SUSPENDED', 'GRANT_EXPIRED', 'CANARY')")
"""Entries that say why somebody was turned away, or rang the alarm: the few a partial index is kept of. Queries say it in these words."""

BY_HAND = sa.text("action IN ('use-grant', 'client', 'client-key', 'client-secret', 'account')")
"""Acts of administrators on what others may do: few, and asked for by what they were about."""

audit = sa.Table(
    "hub_audit",
    metadata,
    sa.Column("seq", BIG, sa.Identity(), primary_key=True),
    sa.Column("at", TEXT, nullable=False),
    sa.Column("request_id", TEXT, nullable=False),
    sa.Column("actor", TEXT, nullable=False),
    sa.Column("action", TEXT, nullable=False),
    sa.Column("entry", BIG),
    sa.Column("subject_bi", sa.LargeBinary),
    sa.Column("status", TEXT),
    sa.Column("code", TEXT, nullable=False),
    sa.Column("purpose", TEXT),
    sa.Column("case_no", TEXT),
    sa.Column("log_entry", BIG),
    sa.Column("place", BIG),
    sa.Index("ix_hub_audit_by_hand_at", "at", sqlite_where=BY_HAND, postgresql_where=BY_HAND),
    sa.Index("ix_hub_audit_subject_bi_at", "subject_bi", "at"),
    sa.Index(None, "entry"),
    sa.Index(None, "at"),
    sa.Index(None, "case_no", sqlite_where=sa.text("case_no IS NOT NULL"), postgresql_where=sa.text("case_no IS NOT NULL")),
    sa.Index("ix_hub_audit_turned_away_at", "at", sqlite_where=TURNED_AWAY, postgresql_where=TURNED_AWAY),
    sa.Index("ix_hub_audit_turned_away_request_id", "request_id", sqlite_where=TURNED_AWAY, postgresql_where=TURNED_AWAY),
)
"""`log_entry` and `place`: which leaf of the audit log stands for the row, and where in it; NULL before there was that log."""
