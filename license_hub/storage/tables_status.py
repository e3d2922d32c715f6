"""Tables of the published status lists.

- hub_status_shard (append-only): the seed of each shard's places. Bundles carry their place for years: a seed never changes.
- hub_status_list: the newest list of each shard, as served.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

APPEND_ONLY = ("hub_status_shard",)

shard = sa.Table(
    "hub_status_shard",
    metadata,
    sa.Column("shard", BIG, primary_key=True, autoincrement=False),
    sa.Column("seed", sa.LargeBinary, nullable=False),
    sa.Column("made_at", TEXT, nullable=False),
)

listed = sa.Table(
    "hub_status_list",
    metadata,
    sa.Column("shard", BIG, primary_key=True, autoincrement=False),
    sa.Column("mark", BIG, nullable=False),
    sa.Column("day", TEXT, nullable=False),
    sa.Column("lst", sa.LargeBinary, nullable=False),
    sa.Column("token", TEXT, nullable=False),
    sa.Column("digest", TEXT, nullable=False),
    sa.Column("issued_at", TEXT, nullable=False),
    sa.Column("expires_at", TEXT, nullable=False),
)
"""`mark`: log entries below it are in the list; `day`: the day in Shanghai its dates were judged by; `lst`: the values, ZLIB;
`digest`: hex of the token's SHA-256."""
