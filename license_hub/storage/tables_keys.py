"""Tables of keys: what state each is in, every change of it, and the manifests the root signed.

Append-only (triggers refuse UPDATE and DELETE): hub_key_change, hub_manifest.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

APPEND_ONLY = ("hub_key_change", "hub_manifest")

key = sa.Table(
    "hub_key",
    metadata,
    sa.Column("kid", TEXT, primary_key=True),
    sa.Column("role", TEXT, nullable=False),
    sa.Column("alg", TEXT, nullable=False),
    sa.Column("public", sa.LargeBinary, nullable=False),
    sa.Column("not_before", TEXT, nullable=False),
    sa.Column("state", TEXT, nullable=False),
    sa.Column("changed_at", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("since", TEXT),
    sa.Column("until_size", BIG),
    sa.Column("until_root", sa.LargeBinary),
    sa.Column("entry", BIG),
    sa.Column("leaf_id", TEXT),
    sa.Column("manifest", BIG),
    sa.Index(None, "role"),
)
"""`entry`, `leaf_id`: the leaf of its last change. `manifest`: sequence number of the first manifest that names it. The rest is
`signing.manifest.KnownKey`."""

key_change = sa.Table(
    "hub_key_change",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("kid", TEXT, nullable=False),
    sa.Column("leaf_id", TEXT, nullable=False),
    sa.Column("statement", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", TEXT, nullable=False),
)
"""`statement` is what the leaf of kind `key` commits to (`signing.manifest.statement`)."""

manifest = sa.Table(
    "hub_manifest",
    metadata,
    sa.Column("sequence", BIG, primary_key=True, autoincrement=False),
    sa.Column("note", TEXT, nullable=False),
    sa.Column("recorded_at", TEXT, nullable=False),
)
