"""Tables of batches, publications, rule outcomes and approvals (SQLAlchemy Core). Migrations make them, a test compares.

- A publication is made once a batch and once a number: UNIQUE(batch), UNIQUE(resource, number), UNIQUE(resource, partition, parent).
- Instants are aware datetimes in UTC on both databases. JSON columns hold counts and ids, never a value of a row.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite counts only in a column declared INTEGER."""


class Instant(sa.types.TypeDecorator):
    """An aware UTC datetime; SQLite keeps no zone, so it is put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


batch = sa.Table(
    "quality_batch",
    metadata,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, nullable=False, index=True),
    sa.Column("partition", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("catalog_version", sa.Text, nullable=False),
    sa.Column("as_of", Instant, nullable=False),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("checked_at", Instant, nullable=False),
    sa.Column("weights", sa.JSON),
)
"""One line a checked batch. `status`: published | noop | stopped | rejected (a pushed row that failed); `report`: the BatchReport;
`reasons`: what the gate found; `weights`: {version, of: indicator → weight} that its scores go by."""

publication = sa.Table(
    "quality_publication",
    metadata,
    sa.Column("seq", BIG, primary_key=True, autoincrement=True),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("number", BIG, nullable=False),
    sa.Column("partition", sa.Text, nullable=False),
    sa.Column("parent", BIG, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("as_of", Instant, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("catalog_version", sa.Text, nullable=False),
    sa.Column("rows_path", sa.Text, nullable=False),
    sa.Column("changes_path", sa.Text, nullable=False),
    sa.Column("pushed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("resource", "number"),
    sa.UniqueConstraint("resource", "partition", "parent"),
    sa.UniqueConstraint("batch"),
)
"""`parent` 0 = the partition's first. Paths are relative to the lake. `pushed`: one row an approval system sent, no delivery."""

outcome = sa.Table(
    "quality_outcome",
    metadata,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("indicator", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("evaluated", BIG, nullable=False),
    sa.Column("failed", BIG, nullable=False),
    sa.Column("undefined", BIG, nullable=False),
    sa.Column("errored", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
"""Rule × batch. `evaluated` = rows with a verdict, failed ones included; an errored or skipped rule has none, and `detail` says why."""

score = sa.Table(
    "quality_score",
    metadata,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, primary_key=True),
    sa.Column("division", sa.Text, primary_key=True),
    sa.Column("indicator", sa.Text, primary_key=True),
    sa.Column("resource", sa.Text, nullable=False),
    sa.Column("satisfied", BIG, nullable=False),
    sa.Column("evaluated", BIG, nullable=False),
    sa.Column("errored", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Index("ix_quality_score_resource_indicator", "resource", "indicator"),
)
"""A and B of an indicator in a batch, by responsible body (credit code) and division. B = 0: undefined."""

approval = sa.Table(
    "quality_approval",
    metadata,
    sa.Column("id", BIG, primary_key=True, autoincrement=True),
    sa.Column("batch", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("figures", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
)
"""Who let a batch through. `kind`: approve (a second name) | accept_rejects (the operator); `figures`: gate finding → figure it covers."""

reconciliation = sa.Table(
    "quality_reconciliation",
    metadata,
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("pushed", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("origin", sa.Text),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("resource", sa.Text, nullable=False, index=True),
    sa.Column("found_at", Instant, nullable=False),
)
"""What a delivery says otherwise than a row that was pushed before it. `pushed`: the row's batch; `kind`: differs | missing | rejected;
`origin`: file and line in the delivery; `fields`: names of those that differ."""
