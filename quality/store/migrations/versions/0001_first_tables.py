"""The first tables: batches, publications, outcomes, approvals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "quality_batch",
        sa.Column("batch", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("resource", "partition", "status", "operator", "content_hash", "catalog_version")
        ),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("batch", name="pk_quality_batch"),
    )
    op.create_index("ix_quality_batch_resource", "quality_batch", ["resource"])
    op.create_table(
        "quality_publication",
        sa.Column("seq", BIG, autoincrement=True, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("partition", sa.Text, nullable=False),
        sa.Column("parent", BIG, nullable=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("catalog_version", "rows_path", "changes_path")),
        sa.PrimaryKeyConstraint("seq", name="pk_quality_publication"),
        sa.UniqueConstraint("resource", "number", name="uq_quality_publication_resource_number"),
        sa.UniqueConstraint("resource", "partition", "parent", name="uq_quality_publication_resource_partition_parent"),
        sa.UniqueConstraint("batch", name="uq_quality_publication_batch"),
    )
    op.create_table(
        "quality_outcome",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("batch", "rule", "resource", "indicator", "severity")),
        *(sa.Column(name, BIG, nullable=False) for name in ("evaluated", "failed", "undefined")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("errored", "skipped")),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("batch", "rule", name="pk_quality_outcome"),
    )
    op.create_table(
        "quality_approval",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("batch", "kind", "name", "reason")),
        sa.Column("figures", sa.JSON, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quality_approval"),
    )
    op.create_index("ix_quality_approval_batch", "quality_approval", ["batch"])
