from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.storage import tables
from license_hub.storage.engine import reading

from .intruder import deleted, tampered
from .publishing import Publisher, entity, permit

BLOBS = [
    (table, column.name)
    for table in tables.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, sa.LargeBinary) and table.name != "hub_audit"
]
"""Every stored payload: encrypted, hashed or indexed. (Audit entries get a log of their own with the trust core.)"""

COLUMNS = [
    (tables.version, "grade", "A"),
    (tables.version, "valid_to", "2099-01-01"),
    (tables.version, "source_status", "SUSPENDED"),
    (tables.version, "attestation_index", 77),
    (tables.version, "identifier", "1.2.156"),
    (tables.status, "state", "IN_FORCE"),
    (tables.status, "reason", "x"),
    (tables.status, "of_entry", 77),
    (tables.attestation, "publication", 9),
    (tables.attestation, "kid", "x"),
    (tables.attestation, "signed_at", "x"),
    (tables.checkpoint, "note", "x"),
    (tables.leaf, "entry", 4000),
]


@pytest.fixture
def filled(hub: Hub, publisher: Publisher) -> Hub:
    """Something in every table of licenses and log."""
    publisher.publish("legal_entity", [entity(i) for i in range(3)])
    publisher.publish("food_permit", [permit(1), permit(9)])
    publisher.publish("legal_entity", [entity(0, status="3"), entity(1, address="新址"), entity(2)])
    apply_pending(hub)
    assert fsck(hub).findings == ()
    return hub


def last(hub: Hub, table: sa.Table) -> sa.Row:
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(table).order_by(*(column.desc() for column in table.primary_key.columns))).first()
    assert row is not None, f"nothing in {table.name}"
    return row


def key(table: sa.Table, row: sa.Row) -> dict[str, object]:
    return {column.name: row._mapping[column.name] for column in table.primary_key.columns}


def found_in(hub: Hub) -> set[str]:
    return {one.table for one in fsck(hub).findings}


def test_flipped_byte_in_any_stored_payload_is_found_and_its_table_named(filled):
    for table, column in BLOBS:
        row = last(filled, table)
        value = bytearray(row._mapping[column])
        value[len(value) // 2] ^= 1
        with tampered(filled, table, {column: bytes(value)}, key(table, row)):
            # What a version is found by is checked through the version.
            named = "hub_version" if table.name in ("hub_license", "hub_holder") else table.name
            assert named in found_in(filled), (table.name, column)
    assert found_in(filled) == set()


def test_changed_column_is_found_and_its_table_named(filled):
    for table, column, value in COLUMNS:
        with tampered(filled, table, {column: value}, key(table, last(filled, table))):
            assert table.name in found_in(filled), (table.name, column)
    assert found_in(filled) == set()


def test_deleted_row_is_found(filled):
    for table in (tables.version, tables.status, tables.leaf, tables.holder, tables.license, tables.attestation):
        with deleted(filled, table, key(table, last(filled, table))):
            assert found_in(filled), table.name
    assert found_in(filled) == set()


def test_flipped_byte_in_any_file_of_the_log_is_found_and_the_file_named(filled):
    root = filled.tiles.directory
    files = [one for one in root.rglob("*") if one.is_file()]
    assert {one.relative_to(root).parts[0] for one in files} == {"tile", "checkpoint"}
    for file in files:
        whole = file.read_bytes()
        twin = bytearray(whole)
        twin[len(twin) // 2] ^= 1
        file.write_bytes(bytes(twin))
        assert file.relative_to(root).as_posix() in found_in(filled)
        file.write_bytes(whole)
    assert found_in(filled) == set()


def test_missing_tile_is_found(filled):
    size = filled.tiles.read_checkpoint().split("\n")[1]
    (filled.tiles.directory / f"tile/0/000.p/{size}").unlink()
    assert found_in(filled) == {f"tile/0/000.p/{size}"}


def test_finding_names_place_and_never_a_value(filled):
    with tampered(filled, tables.version, {"payload": b"\x01" + bytes(50)}, {"entry": 1}):
        assert "hub_version entry 1: payload was changed" in [str(one) for one in fsck(filled).findings]


def test_fsck_while_licenses_are_being_issued_finds_nothing(filled, publisher):
    for n in range(4, 9):
        publisher.publish("legal_entity", [entity(i) for i in range(n)])
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(apply_pending, filled)
        while not running.done():
            assert fsck(filled).findings == ()
    assert running.result().publications == 5
