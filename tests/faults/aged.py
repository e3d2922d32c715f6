"""Hubs whose database is older than their log: backed up, gone on, restored. On SQLite, which is enough for what the log's leaves make."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from license_hub.service.back_up import back_up, lay_out
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import attend
from license_hub.service.verify import VerifyRequest, verify
from quality.store.tables import publication
from tests.license_hub.service.publishing import credit_code, entity

from .world import wall_clock


def codes(hub, numbers) -> list[str]:
    asked = [VerifyRequest(type_id="business_license", number=credit_code(n), holder_number=credit_code(n)) for n in numbers]
    return [one.verdict.code for one in verify(hub, asked)]


def older(own_sqlite, tmp_path, since) -> tuple:
    """(hub, publications): three companies' licenses backed up, then `since(hub, publisher)`, then the backup laid out."""
    options, hub, publisher = own_sqlite
    publisher.publish("legal_entity", [entity(1), entity(2), entity(3)])
    apply_pending(hub)
    codes(hub, [1])
    attend(hub)
    backup = back_up(hub, tmp_path / "backups", url=options.database_url)
    since(hub, publisher)
    apply_pending(hub)
    rows = publications(hub)
    attend(hub)
    hub.close()
    return laid_out(options, hub, backup), rows


def laid_out(options, hub, backup):
    database = Path(options.database_url.removeprefix("sqlite:///"))
    for name in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        name.unlink(missing_ok=True)
    lay_out(Path(backup.path), data=database, lake=options.lake)
    return open_hub(options, clock=wall_clock, catalog=hub.catalog)


def publications(hub) -> list[dict]:
    with hub.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(publication).order_by(publication.c.seq))]


def publish_again(hub, rows) -> None:
    """The publications the restored database does not know, as the departments' batches give them once more."""
    with hub.engine.begin() as connection:
        there = set(connection.execute(sa.select(publication.c.seq)).scalars())
        connection.execute(sa.insert(publication), [row for row in rows if row["seq"] not in there])
