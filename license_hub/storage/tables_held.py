"""Tables of changes that came through a ticket. They share `tables.metadata`; migration 0011 makes them.

- hub_held_ticket: which ticket rows a held row corrects. It goes with its row of hub_held, and moves with it to a new index key.
- hub_corrected (append-only): which ticket rows a version was issued for: the link between a license and its tickets.
- hub_held_act (append-only): what the issuing organ said to the held rows of a ticket, and how many they were.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

APPEND_ONLY = ("hub_corrected", "hub_held_act")

held_ticket = sa.Table(
    "hub_held_ticket",
    metadata,
    sa.Column("type_id", TEXT, primary_key=True),
    sa.Column("resource", TEXT, primary_key=True),
    sa.Column("key_bi", sa.LargeBinary, primary_key=True),
    sa.Column("ticket", TEXT, primary_key=True),
    sa.Column("row", BIG, nullable=False),
    sa.Column("license_id", BIG),
    sa.Column("organ", TEXT, nullable=False),
    sa.Column("answer", TEXT, nullable=False),
    sa.ForeignKeyConstraint(
        ["type_id", "resource", "key_bi"],
        ["hub_held.type_id", "hub_held.resource", "hub_held.key_bi"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sa.Index(None, "ticket"),
    sa.Index(None, "license_id"),
)
"""`license_id`: NULL, or the license whose content would change; `organ`: who would issue, '' where nobody is known;
`answer`: of service.held_changes.Said."""

corrected = sa.Table(
    "hub_corrected",
    metadata,
    sa.Column("entry", BIG, primary_key=True, autoincrement=False),
    sa.Column("ticket", TEXT, primary_key=True),
    sa.Column("row", BIG, nullable=False),
    sa.Index(None, "ticket", "row"),
)

held_act = sa.Table(
    "hub_held_act",
    metadata,
    sa.Column("id", BIG, sa.Identity(), primary_key=True),
    sa.Column("ticket", TEXT, nullable=False),
    sa.Column("organ", TEXT, nullable=False),
    sa.Column("said", TEXT, nullable=False),
    sa.Column("actor", TEXT, nullable=False),
    sa.Column("reason", TEXT, nullable=False),
    sa.Column("rows", BIG, nullable=False),
    sa.Column("issued", BIG, nullable=False),
    sa.Column("at", TEXT, nullable=False),
    sa.Index(None, "ticket"),
)
