"""Files, seals and remembered answers: changed ones are named by `fsck`."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa

from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.storage import idempotency as calls
from license_hub.storage.engine import writing
from license_hub.storage.tables_lifecycle import attachment, idempotency

from .intruder import tampered

KEY = {"batch": "b-1", "kind": "file"}


@pytest.fixture
def left(filled: Hub) -> Hub:
    data, nonce = b"%PDF-1.7 sample", bytes(12)
    call = calls.call_of(filled.crypt, "client-1", "/v1/intake/food_permit", "key-1", b"{}")
    row = {**KEY, "entry": 0, "media_type": "application/pdf", "sha256": hashlib.sha256(data).hexdigest(), "recorded_at": "x"}
    with writing(filled.engine) as connection:
        cell = filled.crypt.encrypt("hub_attachment", "data", "b-1|file", data, nonce)
        connection.execute(sa.insert(attachment).values({**row, "data": cell}))
        calls.intend(connection, filled.crypt, call, filled.now())
        calls.complete(connection, filled.crypt, call, 201, {"code": "ISSUED"}, nonce)
    report = fsck(filled)
    assert report.findings == () and (report.checked["hub_attachment"], report.checked["hub_idempotency"]) == (1, 1)
    return filled


CHANGES = [
    (attachment, "data", b"\x01" + bytes(60)),
    (attachment, "sha256", "0" * 64),
    (attachment, "batch", "b-2"),
    (attachment, "entry", 4000),
    (idempotency, "answer", b"\x01" + bytes(60)),
    (idempotency, "answer", None),
    (idempotency, "client_id", "client-2"),
    (idempotency, "route", "/v1/intake/other"),
    (idempotency, "key_hash", bytes(32)),
    (idempotency, "body_mac", bytes(32)),
    (idempotency, "http_status", None),
]


def test_changed_leftover_of_a_call_is_found_and_its_table_named(left):
    for table, column, value in CHANGES:
        with tampered(left, table, {column: value}):
            assert {one.table for one in fsck(left).findings} == {table.name}, column
    assert fsck(left).findings == ()
