"""What calls left behind: files and seals that came with a case, remembered answers, copies. No log holds them; cells are bound to rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.service.copies import sound
from license_hub.service.hub import Hub
from license_hub.storage.idempotency import Call
from license_hub.storage.tables import version
from license_hub.storage.tables_lifecycle import attachment, idempotency
from license_hub.storage.tables_presentations import copy

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings


def inspect_calls(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    _attachments(hub, connection, findings)
    _answers(hub, connection, findings)
    _copies(hub, connection, findings)


def _attachments(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    query = sa.select(attachment, version.c.entry.label("belongs")).outerjoin(version, version.c.entry == attachment.c.entry)
    # Files are large: one at a time.
    for row in connection.execute(query.execution_options(yield_per=1)):
        findings.checked["hub_attachment"] += 1
        place = f"{row.batch}|{row.kind}"
        try:
            sound = hashlib.sha256(hub.crypt.decrypt("hub_attachment", "data", place, row.data)).hexdigest() == row.sha256
        except DecryptionError:
            sound = False
        if not sound:
            findings.add("hub_attachment", place, "data, sha256, batch or kind was changed")
        if row.entry is not None and row.belongs is None:
            findings.add("hub_attachment", place, "entry names no version")


def _answers(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    for row in connection.execute(sa.select(idempotency)):
        findings.checked["hub_idempotency"] += 1
        call = Call(row.client_id, row.route, bytes(row.key_hash), bytes(row.body_mac))
        if len(call.body_mac) != 32 or not 1 <= call.body_mac[0] <= hub.crypt.index_kid:
            findings.add("hub_idempotency", call.place, "body_mac is of no index key")
        if (row.answer is None) != (row.http_status is None):
            findings.add("hub_idempotency", call.place, "has an answer without a status, or a status without an answer")
        try:
            if row.answer is not None:
                hub.crypt.decrypt("hub_idempotency", "answer", call.place, row.answer)
        except DecryptionError:
            findings.add("hub_idempotency", call.place, "answer, client_id, route or key_hash was changed")


def _copies(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    query = sa.select(copy, version.c.entry.label("belongs")).outerjoin(version, version.c.entry == copy.c.entry)
    for row in connection.execute(query):
        findings.checked["hub_copy"] += 1
        if not sound(hub, row):
            findings.add("hub_copy", row.copy_id, "a column was changed, or the row was not written by the hub")
        if row.belongs is None:
            findings.add("hub_copy", row.copy_id, "entry names no version")
