"""Tables of the case handlers' pages: which client a body's staff act as, what they said of an exemption, how the page served them.

None is append-only: a word may be taken back, and each is an audit entry. Migration 0015 makes them.
"""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage.tables import BIG, TEXT, metadata

desk = sa.Table(
    "hub_desk",
    metadata,
    sa.Column("organ", TEXT, primary_key=True),
    sa.Column("client_id", TEXT, sa.ForeignKey("hub_client.client_id"), nullable=False, unique=True),
    sa.Column("made_at", TEXT, nullable=False),
)
"""The one client of a body that has no key: only its staff act as it. `organ`: the body's credit code."""

word = sa.Table(
    "hub_desk_word",
    metadata,
    sa.Column("case_id", BIG, primary_key=True, autoincrement=False),
    sa.Column("material", TEXT, primary_key=True),
    sa.Column("identifier", TEXT, nullable=False),
    sa.Column("word", TEXT, nullable=False),
    sa.Column("correction", TEXT),
    sa.Column("operator", TEXT, nullable=False),
    sa.Column("said_at", TEXT, nullable=False),
)
"""`word`: accepted | refused, of the license `identifier` ('' = of shared data or an answer); `correction`: the 校核申请 it became."""

rating = sa.Table(
    "hub_desk_rating",
    metadata,
    sa.Column("rating_id", BIG, sa.Identity(), primary_key=True),
    sa.Column("organ", TEXT, nullable=False),
    sa.Column("page", TEXT, nullable=False),
    sa.Column("score", sa.SmallInteger, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("rated_at", TEXT, nullable=False),
)
"""一线评应用: 1 to 5 and a few words; of a body, not of a person."""
