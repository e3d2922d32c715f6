"""Tables of changes laid over the catalogue. Both are append-only (triggers): what was proposed, and what became of it, once each."""

from __future__ import annotations

import sqlalchemy as sa

from quality.store.tables import BIG, Instant, metadata

change = sa.Table(
    "quality_change",
    metadata,
    sa.Column("number", BIG, primary_key=True, autoincrement=True),
    sa.Column("resource", sa.Text, nullable=False, index=True),
    sa.Column("edits", sa.JSON, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("catalog_version", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""`edits`: {of, name, what, value, was} each; `was`: what counted when it was proposed."""

change_act = sa.Table(
    "quality_change_act",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("change", BIG, nullable=False, unique=True),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("catalog_version", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""`act`: approve | refuse | withdraw. Changes count in the order they were approved."""
