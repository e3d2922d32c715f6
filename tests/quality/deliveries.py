"""Small deliveries for the tests of quality: a resource of three fields, rows typed in by hand, landed the way connectors land them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from catalogs.model import Catalog, Connector, Coverage, Delivery, Field, Limits, Resource, Rule, Sharing
from catalogs.quality import Responsible
from connectors.landing import LandedBatch, land
from connectors.protocol import Origin, schema
from quality import publications
from quality.engine import check
from quality.report import BatchReport

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
FIELDS = (
    Field("code", "编号", "编号", "certificate_number", required=True),
    Field("name", "名称", "名称", "org_name"),
    Field("changed_on", "变更日期", "变更日期", "date"),
)
HEADERS = tuple(one.source for one in FIELDS)
Row = tuple[str | None, ...]


def rule(check: str, *fields: str, severity: str = "reject", resource: str = "thing", **params: object) -> Rule:
    name = ".".join((resource, *(fields or ("row",)), check))
    return Rule(name, resource, "0302", severity, "", check, fields, params, "test", "2026-11-21")


RULES = (
    rule("not_null", "code"),
    rule("pattern", "code", regex="[A-Z][0-9]+"),
    rule("not_null", "name"),
    rule("parsed", "changed_on", severity="warn"),
    rule("conflicting_duplicate", "code", severity="warn"),
)


def resource(mode: str = "snapshot", **changed: object) -> Resource:
    """`thing`: key code, ordered by changed_on."""
    made = Resource(
        id="thing", title="", summary="", department="province_market", format="", update_cycle="", cycle_hours=24,
        sharing=Sharing("none", "file", ""), data_class="", grade="", connector=Connector("file_drop", {}), key=("code",),
        order_by="changed_on", watermark=None, delivery=Delivery(mode), limits=Limits(), responsible=Responsible(), usable_until=None,
        coverage=Coverage(("99",), 2000), fields=FIELDS, schedule=None, owner="", source="test", since="2026-11-21",
    )  # fmt: skip
    return replace(made, **changed)


@dataclass(frozen=True)
class Typed:
    """A feed of rows typed in by hand."""

    rows: Sequence[Row]
    columns: Sequence[str] = HEADERS
    source: str = "typed.csv"
    raw: dict[int, str] = field(default_factory=dict)
    """Row → raw text of a malformed row."""
    as_of: datetime = NOW

    def batches(self) -> Iterator[pa.RecordBatch]:
        cells = [pa.array([row[at] for row in self.rows], pa.string()) for at in range(len(self.columns))]
        lines = pa.array(range(2, len(self.rows) + 2), pa.int64())
        raw = pa.array([self.raw.get(at) for at in range(len(self.rows))], pa.string())
        yield pa.record_batch([*cells, lines, raw], schema=schema(self.columns))

    def origin(self) -> Origin:
        return Origin("file_drop", self.as_of)


@dataclass
class Bench:
    """A lake, a database and a catalogue with one resource; time goes on by a minute a delivery."""

    lake: Path
    database: sa.Engine
    catalog: Catalog
    resource: Resource
    now: datetime = NOW

    def land(self, *rows: Row, partition: str | None = None, **feed: object) -> LandedBatch:
        self.now += timedelta(minutes=1)
        return land(self.resource, Typed(rows, **feed), self.lake, now=self.now, partition=partition)

    def deliver(self, *rows: Row, partition: str | None = None, accept_rejects: bool = False, **feed: object) -> BatchReport:
        return self.check(self.land(*rows, partition=partition, **feed), accept_rejects=accept_rejects)

    def check(self, landed: LandedBatch, *, accept_rejects: bool = False, operator: str = "first person") -> BatchReport:
        return check(
            landed, self.catalog, lake=self.lake, database=self.database, now=self.now, operator=operator, accept_rejects=accept_rejects
        )

    def head(self, partition: str = "") -> list[dict]:
        """Rows of the head, by key."""
        with self.database.connect() as connection:
            head = publications.head(connection, self.resource.id, partition)
        return rows_of(self.lake / head.rows_path)

    def changes(self, number: int) -> dict[str, str]:
        """Key → operation of a publication."""
        with self.database.connect() as connection:
            (published,) = [one for one in publications.pending(connection, self.resource.id, number - 1) if one.number == number]
        table = publications.changes(self.lake, published)
        return dict(zip(table["_key"].to_pylist(), table["_op"].to_pylist(), strict=True))

    def with_rules(self, *rules: Rule) -> Bench:
        return replace(self, catalog=replace(self.catalog, version="other", rules={"thing": rules}))


def rows_of(path: Path | str) -> list[dict]:
    """Rows of a Parquet file of ours, in a fixed order."""
    table = duckdb.sql("SELECT * FROM read_parquet($path) ORDER BY ALL", params={"path": str(path)}).to_arrow_table()
    return table.to_pylist()


def many(count: int, prefix: str = "A", name: str = "某公司", on: str = "2026-01-01") -> list[Row]:
    return [(prefix + str(at), name, on) for at in range(count)]
