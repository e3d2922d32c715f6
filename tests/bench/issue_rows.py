"""A first publication of entities and of permits they hold, of any size: columns straight to Parquet, never a million Python rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from license_hub.service.hub import Hub
from quality.store.tables import publication
from tests.license_hub.service.publishing import ORGAN, OTHER_ORGAN, credit_code, entity, permit

_KINDS = {Decimal: pa.decimal128(24, 2), date: pa.date32(), datetime: pa.timestamp("us"), str: pa.string()}


def deliver(hub: Hub, rows: int) -> None:
    """Publishes `rows` of legal_entity and, held by them, as many of food_permit; every fourth permit is of another organ."""
    numbers = pa.array(range(rows), pa.int64())
    codes = pa.array([credit_code(number) for number in range(rows)], pa.string())
    names = pc.binary_join_element_wise("样例", pc.cast(numbers, pa.string()), "号有限公司", "")
    permits = pc.binary_join_element_wise("JY", pc.cast(pc.add(numbers, 99010100000000), pa.string()), "")
    organs = pc.if_else(pc.equal(pc.bit_wise_and(numbers, 3), 0), OTHER_ORGAN, ORGAN)
    _publish(hub, "legal_entity", entity(0), {"credit_code": codes, "name": names}, codes)
    varying = {"permit_no": permits, "operator_name": names, "credit_code": codes, "issuing_organ_code": organs}
    _publish(hub, "food_permit", permit(0), varying, permits)


def _publish(hub: Hub, resource: str, sample: dict, varying: dict[str, pa.Array], keys: pa.Array) -> None:
    rows = len(keys)
    columns: dict[str, pa.Array] = {}
    for field in hub.catalog.resources[resource].fields:
        value = sample.get(field.name)
        kind = _KINDS[type(value)] if value is not None else pa.string()
        columns[field.name] = varying.get(field.name, pa.repeat(pa.scalar(value, kind), rows))
        if field.type == "money":
            columns[f"{field.name}_currency"] = pa.repeat("CNY", rows)
        columns[f"{field.name}__src"] = pa.nulls(rows, pa.string())
    lines = pc.binary_join_element_wise("bench:", pc.cast(pa.array(range(2, rows + 2)), pa.string()), "")
    columns |= {"_key": keys, "_origin": lines, "_batch": pa.repeat("bench", rows), "_stale": pa.repeat(False, rows)}
    columns["_warnings"] = pa.repeat(pa.scalar([], pa.list_(pa.string())), rows)
    path = Path("trusted") / resource / "bench" / "rows.parquet"
    (hub.lake / path).parent.mkdir(parents=True)
    with hub.lake.create(hub.lake / path) as file:
        pq.write_table(pa.table(columns), file, compression="zstd")
    values = {
        "resource": resource,
        "number": 1,
        "partition": "",
        "parent": 0,
        "batch": f"{resource}-20261121T080000-00000001",
        "content_hash": "0" * 64,
        "counts": {},
        "as_of": hub.now(),
        "created_at": hub.now(),
        "catalog_version": hub.catalog.version,
        "rows_path": str(path),
        "changes_path": str(path),
    }
    with hub.engine.begin() as connection:
        connection.execute(sa.insert(publication), [values])
