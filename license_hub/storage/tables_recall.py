"""Tables of recalls: what is recalled, who relied on it, who was told.

- Append-only: hub_recall, hub_recall_item, hub_recall_use. Of a notice only `acknowledged_at` ever changes.
- One notice for each recall and client: UNIQUE(recall_id, client_id) decides, whoever runs how often at once.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

APPEND_ONLY = ("hub_recall", "hub_recall_item", "hub_recall_use")

recall = sa.Table(
    "hub_recall",
    metadata,
    sa.Column("recall_id", TEXT, primary_key=True),
    sa.Column("kind", TEXT, nullable=False),
    sa.Column("source", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("operator", TEXT, nullable=False),
    sa.Column("created_at", TEXT, nullable=False),
)
"""`source`: canonical JSON of what is recalled; `recall_id` is made from it, so that the same recall has the same id."""

item = sa.Table(
    "hub_recall_item",
    metadata,
    sa.Column("recall_id", TEXT, primary_key=True),
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("since", TEXT, nullable=False),
)
"""A version that is recalled, or whose status is; `since` when what is recalled about it came into the hub."""

use = sa.Table(
    "hub_recall_use",
    metadata,
    sa.Column("recall_id", TEXT, primary_key=True),
    sa.Column("actor", TEXT, primary_key=True),
    sa.Column("seq", BIG, primary_key=True, autoincrement=False),
    sa.Column("entry", BIG, nullable=False),
)
"""An audit entry (`seq`) of an answer about a recalled version, given since then."""

notice = sa.Table(
    "hub_notice",
    metadata,
    sa.Column("notice_id", TEXT, primary_key=True),
    sa.Column("recall_id", TEXT, nullable=False),
    sa.Column("client_id", TEXT, nullable=False),
    sa.Column("token", TEXT, nullable=False),
    sa.Column("created_at", TEXT, nullable=False),
    sa.Column("acknowledged_at", TEXT),
    sa.UniqueConstraint("recall_id", "client_id"),
    sa.Index(None, "client_id", "notice_id"),
)
"""`token`: the signed notice, as the client gets it."""
