"""What a world has come to, without what chance and the clock put in: for comparing a killed and repeated run with an unharmed one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from connectors.lake import Lake
from license_hub import settings
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.storage import tables
from quality import publications


def digest(lake: Path, keys: Path, resource: str) -> dict:
    """Licenses, status acts, publications and trusted rows; salts, ids, serials, times and signatures left out."""
    with world(lake, keys) as hub, hub.engine.connect() as connection:
        heads = publications.heads(connection, resource)
        return {
            "licenses": _hash(_licenses(hub, connection)),
            "versions": connection.scalar(sa.select(sa.func.count()).select_from(tables.version)),
            "acts": connection.execute(sa.select(tables.status.c.act, sa.func.count()).group_by(tables.status.c.act)).all(),
            "leaves": connection.scalar(sa.select(sa.func.count()).select_from(tables.leaf)),
            "heads": [(head.number, head.partition, head.counts["trusted"]) for head in heads],
            "rows": [_rows(hub.lake, hub.lake / head.rows_path) for head in heads],
        }


def findings(lake: Path, keys: Path) -> list[str]:
    """What `hub log fsck` finds."""
    with world(lake, keys) as hub:
        return [str(one) for one in fsck(hub).findings]


@contextmanager
def world(lake: Path, keys: Path) -> Iterator[Hub]:
    """The hub of that lake, opened in this process."""
    chosen = settings.read(environ={}, overrides={"HUB_LAKE": str(lake), "HUB_KEYS": str(keys)})
    hub = open_hub(chosen, clock=lambda: datetime.now(UTC))
    try:
        yield hub
    finally:
        hub.close()


def _licenses(hub: Hub, connection: sa.Connection) -> list[str]:
    found = []
    for row in connection.execute(sa.select(tables.version)):
        fields = json.loads(hub.crypt.decrypt("hub_version", "payload", row.entry, row.payload))
        fields.pop("ZZBS", None)
        found.append(json.dumps([row.type_id, row.version, row.source_status, row.valid_to, fields], sort_keys=True, ensure_ascii=False))
    return sorted(found)


def _rows(lake: Lake, path: Path) -> str:
    query = "SELECT * EXCLUDE (_batch) FROM read_parquet($path) ORDER BY _key"
    with publications.reader(lake) as connection:
        return _hash([repr(row) for row in connection.execute(query, {"path": lake.named(path)}).fetchall()])


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
