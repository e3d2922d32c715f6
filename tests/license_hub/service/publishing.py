"""Publications as the quality package writes them (docs/architecture.md), made by hand from rows: for tests of what follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from catalogs import checkdigits
from catalogs.model import Resource
from connectors.lake import Lake
from license_hub.service.hub import Hub
from quality.store.tables import publication

Row = Mapping[str, object]
PARTITION_NONE = ""
_TYPES = {"date": pa.date32(), "datetime": pa.timestamp("us"), "money": pa.decimal128(24, 2), "decimal": pa.decimal128(24, 4)}


class Publisher:
    """Publishes whole resources or partitions and works out the change set against the former head."""

    def __init__(self, hub: Hub):
        self.hub = hub
        self.clock = hub.now()
        self._heads: dict[tuple[str, str], tuple[int, dict[str, Row]]] = {}
        self._numbers: dict[str, int] = {}

    def continue_from(self, other: Publisher) -> None:
        """Where the publisher of a hub was, this one goes on: for a copy of that hub."""
        self.clock, self._heads, self._numbers = other.clock, dict(other._heads), dict(other._numbers)

    def publish(self, resource: str, rows: Sequence[Row], *, partition: str = PARTITION_NONE, deleted: Sequence[str] = ()) -> int:
        """The publication's number. Rows gone since the head are `removed`, or `deleted` where listed."""
        self.clock += timedelta(seconds=1)
        described = self.hub.catalog.resources[resource]
        parent, former = self._heads.get((resource, partition), (None, {}))
        now = {key_of(described, row): row for row in rows}
        changes = [(key, _op(key, row, former), row) for key, row in now.items() if former.get(key) != row]
        changes += [(key, "deleted" if key in deleted else "removed", row) for key, row in former.items() if key not in now]
        number = self._numbers.get(resource, 0) + 1
        batch = f"{resource}-{self.clock:%Y%m%dT%H%M%S}-{number:08x}"
        folder = Path("trusted") / resource / batch
        write_rows(self.hub.lake, folder / "rows.parquet", described, [(key, None, row) for key, row in now.items()])
        write_rows(self.hub.lake, folder / "changes.parquet", described, sorted(changes, key=lambda one: one[0]))
        self._record(resource, number, partition, parent, batch, folder)
        self._heads[resource, partition] = (number, now)
        self._numbers[resource] = number
        return number

    def _record(self, resource: str, number: int, partition: str, parent: int | None, batch: str, folder: Path) -> None:
        values = {
            "resource": resource,
            "number": number,
            "partition": partition,
            "parent": parent or 0,
            "batch": batch,
            "content_hash": "0" * 64,
            "counts": {},
            "as_of": self.clock,
            "created_at": self.clock,
            "catalog_version": self.hub.catalog.version,
            "rows_path": str(folder / "rows.parquet"),
            "changes_path": str(folder / "changes.parquet"),
        }
        with self.hub.engine.begin() as connection:
            connection.execute(sa.insert(publication), [values])


def key_of(resource: Resource, row: Row) -> str:
    return "\x1f".join(str(row[name]) for name in resource.key)


def _op(key: str, row: Row, former: Mapping[str, Row]) -> str:
    return row.get("_op") or ("update" if key in former else "insert")


def write_rows(lake: Lake, place: Path, resource: Resource, rows: Sequence[tuple[str, str | None, Row]]) -> None:
    """`rows.parquet` (op None) or `changes.parquet`."""
    columns: dict[str, pa.Array] = {}
    for field in resource.fields:
        kind = _TYPES.get(field.type, pa.string())
        columns[field.name] = pa.array([row.get(field.name) for _, _, row in rows], kind)
        if field.type == "money":
            currency = [row.get(f"{field.name}_currency", "CNY" if row.get(field.name) is not None else None) for _, _, row in rows]
            columns[f"{field.name}_currency"] = pa.array(currency, pa.string())
        columns[f"{field.name}__src"] = pa.nulls(len(rows), pa.string())
    columns["_key"] = pa.array([key for key, _, _ in rows], pa.string())
    columns["_origin"] = pa.array([f"test:{line}" for line in range(2, len(rows) + 2)], pa.string())
    columns["_batch"] = pa.array(["test"] * len(rows), pa.string())
    columns["_stale"] = pa.array([op == "stale" for _, op, _ in rows], pa.bool_())
    columns["_warnings"] = pa.array([[] for _ in rows], pa.list_(pa.string()))
    if rows and rows[0][1] is not None or place.name == "changes.parquet":
        columns["_op"] = pa.array([op for _, op, _ in rows], pa.string())
    path = lake / place
    path.parent.mkdir(parents=True, exist_ok=True)
    with lake.create(path) as file:
        pq.write_table(pa.table(columns), file, compression="zstd")


def credit_code(number: int, kind: str = "91", division: str = "990101") -> str:
    """A right credit code of the sample province."""
    body = f"{number:08d}"
    head = f"{kind}{division}{body}{checkdigits.organization_check(body)}"
    return head + checkdigits.uscc_check(head)


def citizen_number(number: int, division: str = "990101") -> str:
    body = f"{division}19{50 + number % 50:02d}0{1 + number % 9}1{number % 9}{number % 1000:03d}"
    return body + checkdigits.citizen_check(body)


ORGAN = credit_code(1, "11", "990100")
OTHER_ORGAN = credit_code(2, "11", "990200")


def entity(number: int, kind: str = "91", **changes: object) -> dict[str, object]:
    """A trusted row of legal_entity."""
    return {
        "credit_code": credit_code(number, kind),
        "name": f"样例{number}号有限公司",
        "entity_kind": "1",
        "legal_rep": "样甲",
        "established_on": date(2020, 1, 2),
        "capital": Decimal("1000000.00"),
        "scope": "样例业务",
        "division": "990101",
        "address": "样例市样例路1号",
        "registrar_name": "样例市市场监督管理局",
        "registrar_code": ORGAN,
        "status": "1",
        "approved_on": date(2021, 3, 4),
        **changes,
    }


def permit(number: int, **changes: object) -> dict[str, object]:
    """A trusted row of food_permit, held by `entity(number)`."""
    return {
        "permit_no": f"JY{99010100000000 + number}",
        "operator_name": f"样例{number}号有限公司",
        "credit_code": credit_code(number),
        "legal_rep": "样甲",
        "address": "样例市样例路1号",
        "business_form": "1",
        "items": "预包装食品销售",
        "issuing_organ": "样例市市场监督管理局",
        "issuing_organ_code": ORGAN,
        "issued_on": date(2024, 1, 1),
        "valid_to": date(2029, 1, 1),
        "status": "1",
        "updated_at": datetime(2026, 11, 1, 8, 0, 0),
        **changes,
    }


def person(number: int, **changes: object) -> dict[str, object]:
    """A trusted row of population."""
    return {"id_number": citizen_number(number), "name": f"样{number}", "sex": "1", "household_division": "990101", **changes}


def title(number: int, holders: Sequence[tuple[str, str]], **changes: object) -> dict[str, object]:
    """A trusted row of real_estate_title; `holders` are (name, number)."""
    return {
        "title_no": f"样(2024)样例市不动产权第{number:07d}号",
        "unit_no": f"990101001001GB{number:05d}F00010001",
        "holder_names": ";".join(name for name, _ in holders),
        "holder_numbers": ";".join(code for _, code in holders),
        "ownership": "1",
        "right_type": "1",
        "location": "样例市样例路2号",
        "division": "990101",
        "area": Decimal("88.8800"),
        "land_use": "1",
        "registered_on": date(2024, 5, 6),
        "organ_name": "样例市不动产登记中心",
        "organ_code": OTHER_ORGAN,
        "status": "1",
        **changes,
    }


def registered(number: int, **changes: object) -> dict[str, object]:
    """A trusted row of enterprise_registry: no issuing organ, no status."""
    return {
        "name": f"样例{number}号有限公司",
        "credit_code": credit_code(number, "91", "450103"),
        "registered_on": date(2010, 1, 1),
        "capital": Decimal("500000.00"),
        "scope": "样例业务",
        "province": "450000",
        "address": "样例市样例路3号",
        **changes,
    }
