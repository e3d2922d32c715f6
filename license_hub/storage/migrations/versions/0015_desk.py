"""The case handlers' pages: a body's desk client, words on exemptions, ratings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hub_desk",
        sa.Column("organ", TEXT, nullable=False),
        sa.Column("client_id", TEXT, nullable=False),
        sa.Column("made_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["hub_client.client_id"]),
        sa.PrimaryKeyConstraint("organ", name="pk_hub_desk"),
        sa.UniqueConstraint("client_id", name="uq_hub_desk_client_id"),
    )
    op.create_table(
        "hub_desk_word",
        sa.Column("case_id", BIG, autoincrement=False, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("material", "identifier", "word")),
        sa.Column("correction", TEXT, nullable=True),
        *(sa.Column(name, TEXT, nullable=False) for name in ("operator", "said_at")),
        sa.PrimaryKeyConstraint("case_id", "material", name="pk_hub_desk_word"),
    )
    op.create_table(
        "hub_desk_rating",
        sa.Column("rating_id", BIG, sa.Identity(), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("organ", "page")),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("rated_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("rating_id", name="pk_hub_desk_rating"),
    )
