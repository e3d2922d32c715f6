"""One narrow line a delivery for pages and trends, made for those checked before as well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quality.store.tables import Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LOW = ("0303", "0305")
"""Indicators where low was good."""
PUSHED = "push:"
COUNTS = ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned")


def upgrade() -> None:
    made = op.create_table(
        "quality_total",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("batch", "resource", "partition", "status")),
        *(sa.Column(name, Instant, nullable=False) for name in ("as_of", "checked_at")),
        *(sa.Column(name, BIG, nullable=False) for name in COUNTS),
        sa.Column("measures", sa.JSON, nullable=False),
        sa.Column("score", sa.Float),
        sa.PrimaryKeyConstraint("batch", name="pk_quality_total"),
    )
    op.create_index("ix_quality_total_resource_checked_at", "quality_total", ["resource", "checked_at"])
    op.create_index("ix_quality_total_checked_at", "quality_total", ["checked_at"])
    _fill(op.get_bind(), made)


def _fill(connection: sa.Connection, made: sa.Table) -> None:
    """Lines of the deliveries that were checked before; pushed rows have none."""
    batch = sa.table(
        "quality_batch",
        *(sa.column(name) for name in ("batch", "resource", "partition", "status", "operator")),
        *(sa.column(name, Instant) for name in ("as_of", "checked_at")),
        *(sa.column(name, sa.JSON) for name in ("report", "weights")),
    )
    publication = sa.table("quality_publication", sa.column("batch"), sa.column("pushed", sa.Boolean))
    pushed = set(connection.scalars(sa.select(publication.c.batch).where(publication.c.pushed.is_(True))))
    measures = _measures(connection)
    lines, standing = [], {}
    for row in connection.execute(sa.select(batch).where(batch.c.status != "rejected").order_by(batch.c.checked_at, batch.c.batch)):
        # A pushed row equal to the head's has no publication: its operator is its sender.
        if row.batch not in pushed and not row.operator.startswith(PUSHED):
            weights = (row.weights or {"of": {}})["of"]
            own = {code: [a, b, weights.get(code, 0), wrong, left] for code, (a, b, wrong, left) in measures.get(row.batch, {}).items()}
            line = {name: row._mapping[name] for name in ("batch", "resource", "partition", "status", "as_of", "checked_at")}
            mean = None
            if row.status == "published":
                standing.setdefault(row.resource, {})[row.partition] = own
                mean = _score(list(standing[row.resource].values()), weights)
            lines.append(line | {name: row.report[name] for name in COUNTS} | {"measures": own, "score": mean})
    if lines:
        connection.execute(sa.insert(made), lines)


def _score(parts: list[dict[str, list]], weights: dict[str, float]) -> float | None:
    """The weighted mean over all partitions of what is defined."""
    sums: dict[str, list[int]] = {}
    for own in parts:
        for code, (a, b, *_) in own.items():
            mine = sums.setdefault(code, [0, 0])
            mine[0], mine[1] = mine[0] + a, mine[1] + b
    defined = [(1 - a / b if code in LOW else a / b, weights.get(code, 0.0)) for code, (a, b) in sorted(sums.items()) if b]
    whole = sum(weight for _, weight in defined)
    return sum(value * weight for value, weight in defined) / whole if whole else None


def _measures(connection: sa.Connection) -> dict[str, dict[str, tuple[int, int, int, int]]]:
    """Batch → indicator → A, B, errored and skipped rules."""
    score = sa.table("quality_score", *map(sa.column, ("batch", "indicator", "satisfied", "evaluated", "errored", "skipped")))
    sums = [sa.func.sum(score.c.satisfied), sa.func.sum(score.c.evaluated), sa.func.max(score.c.errored), sa.func.max(score.c.skipped)]
    found: dict[str, dict[str, tuple[int, int, int, int]]] = {}
    for name, code, *figures in connection.execute(
        sa.select(score.c.batch, score.c.indicator, *sums).group_by(score.c.batch, score.c.indicator)
    ):
        found.setdefault(name, {})[code] = tuple(map(int, figures))
    return found
