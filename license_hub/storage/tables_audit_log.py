"""The audit entries' own log: leaf rows and checkpoints, with the shapes of hub_leaf and hub_checkpoint.

One leaf stands for the entries of one transaction (hub_audit's columns `log_entry` and `place`). Append-only: hub_audit_leaf.
hub_audit_subject keeps, encrypted, the index that was logged for a row whose `subject_bi` has moved to a new index key since.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

audit_leaf = sa.Table(
    "hub_audit_leaf",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
)
"""`secret`: goes into each entry's digest, so that the log alone confirms no guess of who asked what."""

audit_checkpoint = sa.Table(
    "hub_audit_checkpoint",
    metadata,
    sa.Column("size", BIG, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", TEXT, nullable=False),
    sa.Column("created_at", TEXT, nullable=False),
    sa.Column("cosigned", TEXT),
    sa.Column("witnessed_at", TEXT),
)

audit_subject = sa.Table(
    "hub_audit_subject",
    metadata,
    sa.Column("seq", BIG, sa.ForeignKey("hub_audit.seq"), primary_key=True, autoincrement=False),
    sa.Column("logged", sa.LargeBinary, nullable=False),
)
"""Changed freely: `logged` must give the digest in the audit log, and, advanced, the row's index."""
