"""Tables for what is erased and for the narrow exceptions to append-only: re-encryption, re-indexing, erasure.

- hub_rewrite: one row a maintenance transaction. Triggers let an UPDATE of append-only tables through only while this transaction holds
  an open row, and only for the cells that name or seal personal data; a row is closed before its transaction commits.
- hub_erasure: which version was erased by which entry of the log. Append-only.
- hub_erased_row: by what an erased row is known again in the lake and in a restored copy: resource and blind index of its key.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

rewrite = sa.Table(
    "hub_rewrite",
    metadata,
    sa.Column("id", BIG, sa.Identity(), primary_key=True),
    sa.Column("at", TEXT, nullable=False),
    sa.Column("actor", TEXT, nullable=False),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("rows", BIG, nullable=False),
)

erasure = sa.Table(
    "hub_erasure",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("of_entry", BIG, nullable=False, unique=True),
    sa.Column("leaf_id", TEXT, nullable=False),
    sa.Column("reason", TEXT),
    sa.Column("document_no", TEXT),
    sa.Column("organ_code", TEXT),
    sa.Column("recorded_at", TEXT, nullable=False),
    sa.Column("secret", sa.LargeBinary),
)
"""`secret` (encrypted) is that of the leaf's commitment to reason, document_no and organ_code; all four NULL where the row was made anew
from the log after a restore."""

erased_row = sa.Table(
    "hub_erased_row",
    metadata,
    sa.Column("resource", TEXT, primary_key=True),
    sa.Column("key_bi", sa.LargeBinary, primary_key=True),
    sa.Column("entry", BIG, nullable=False),
)
