"""Licenses in doubt, as the quality loop leaves them: a provisional value beside a row, a change that waits for its organ's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.storage import tables
from license_hub.storage.tables_held import held_ticket
from quality.provisional import license_of
from quality.store.tables_tickets import provisional, ticket

_numbers = count(1)


def doubt(hub: Hub, identifier: str, resource: str, field: str) -> Callable[[], None]:
    """A value for the time being for a field of the license's row. Returns what withdraws it."""
    number, now = next(_numbers), hub.now()
    opened = {
        "ticket": f"doubt-{number}", "number": number, "kind": "correction", "rule": "correction", "resource": resource, "body": "b",
        "subject": f"{license_of(identifier)}-{number}", "handler": "b", "division": "", "batch": "test", "opened_by": "test",
        "opened_at": now, "due_on": (now + timedelta(days=10)).date().isoformat(), "phase": "open", "returned": False, "disputed": False,
        "extension_asked": False, "rows_open": 1, "rows_corrected": 0, "rows_closed": 0, "state": "open",
    }  # fmt: skip
    edit = {
        "edit": f"edit-{number}", "ticket": opened["ticket"], "row": 1, "resource": resource, "field": field,
        "license": license_of(identifier), "path": "none", "made_by": "test", "made_at": now, "ended": "",
    }  # fmt: skip
    with hub.engine.begin() as connection:
        connection.execute(sa.insert(ticket), [opened])
        connection.execute(sa.insert(provisional), [edit])
    hub.provisional.read_at = None

    def end() -> None:
        with hub.engine.begin() as connection:
            mine = provisional.c.edit == edit["edit"]
            connection.execute(sa.update(provisional).where(mine).values(ended_at=hub.now(), ended="withdrawn"))
        hub.provisional.read_at = None

    return end


def let_wait(hub: Hub, identifier: str) -> None:
    """A corrected row of the license's is held until its organ confirms it."""
    version = tables.version
    with hub.engine.begin() as connection:
        row = connection.execute(sa.select(version.c.license_id, version.c.type_id).where(version.c.identifier == identifier)).one()
        key = {"type_id": row.type_id, "resource": "legal_entity", "key_bi": hub.entropy(32)}
        waits = {"number_bi": hub.entropy(32), "partition": "", "publication": 1, "reason": "TICKET", "payload": b"", "since": ""}
        connection.execute(sa.insert(tables.held), [key | waits])
        of = {"ticket": "waits", "row": 1, "license_id": row.license_id, "organ": "", "answer": "none"}
        connection.execute(sa.insert(held_ticket), [key | of])
