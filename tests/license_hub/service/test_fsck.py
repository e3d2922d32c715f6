from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from license_hub.service.change_key import compromise
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.storage import tables
from license_hub.storage.engine import reading
from license_hub.storage.tables_audit_log import audit_checkpoint, audit_leaf

from .intruder import as_superuser, deleted, tampered
from .publishing import entity

for _module in Path(tables.__file__).parent.glob("tables_*.py"):
    importlib.import_module(f"license_hub.storage.{_module.stem}")

UNLOOKED = (
    "hub_erased_row", "hub_attachment", "hub_idempotency", "hub_audit_subject", "hub_status_list", "hub_status_shard",
    "hub_sign_in_failure", "hub_session", "hub_held", "hub_held_ticket",
    "hub_case_party", "hub_decision", "hub_receipt", "hub_check_task",
    "hub_download", "hub_copy", "hub_authorization", "hub_canary", "hub_holder_session",
)  # fmt: skip
"""hub_attachment and hub_idempotency: `test_inspect_calls`; hub_copy: `test_check_file`. hub_erased_row is only by what an erased row is
known again in a lake that was restored; hub_audit_subject has rows after `data-keys rotate` (`test_rekey`); a status list is signed,
short-lived and made again; who signs in, who authorised what (each act is an audit entry) and what waits for its organ's word is no
part of the log yet (a held row is encrypted: a flipped byte refuses to open); a download is encrypted too and lives ten minutes."""

BLOBS = [
    (table, column.name)
    for table in tables.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, sa.LargeBinary) and table.name not in UNLOOKED
]
"""Every stored payload: encrypted, hashed or indexed."""

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
    (tables.audit, "at", "2026-11-20T08:00:00Z"),
    (tables.audit, "actor", "x"),
    (tables.audit, "code", "x"),
    (tables.audit, "purpose", "x"),
    (tables.audit, "place", 1),
    (tables.audit, "log_entry", 77),
    (tables.audit, "log_entry", None),
    (audit_checkpoint, "note", "x"),
    (audit_checkpoint, "cosigned", "x"),
]


def last(hub: Hub, table: sa.Table, filled: str | None = None) -> sa.Row:
    """The last row, or the last that has something in that column."""
    query = sa.select(table).order_by(*(column.desc() for column in table.primary_key.columns))
    with reading(hub.engine) as connection:
        row = connection.execute(query.where(table.c[filled].is_not(None)) if filled else query).first()
    assert row is not None, f"nothing in {table.name}"
    return row


def key(table: sa.Table, row: sa.Row) -> dict[str, object]:
    return {column.name: row._mapping[column.name] for column in table.primary_key.columns}


def found_in(hub: Hub) -> set[str]:
    return {one.table for one in fsck(hub).findings}


def test_flipped_byte_in_any_stored_payload_is_found_and_its_table_named(filled):
    compromise(filled, filled.keyring.signer("status").kid, reason="test", operator="li")
    integrate(filled)
    assert fsck(filled).findings == ()
    for table, column in BLOBS:
        row = last(filled, table, column)
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
    inside = (tables.version, tables.status, tables.leaf, tables.holder, tables.license, tables.attestation, tables.audit, audit_leaf)
    for table in inside:
        with deleted(filled, table, key(table, last(filled, table))):
            assert found_in(filled), table.name
    assert found_in(filled) == set()


def test_flipped_byte_in_any_file_of_the_log_is_found_and_the_file_named(filled):
    root = filled.tiles.directory
    files = [one for one in root.rglob("*") if one.is_file()]
    assert {one.relative_to(root).parts[0] for one in files} == {"tile", "checkpoint", "key-manifest"}
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


def test_changed_audit_entry_is_found_by_its_number(filled):
    with reading(filled.engine) as connection:
        numbers = list(connection.execute(sa.select(tables.audit.c.seq).order_by(tables.audit.c.seq)).scalars())
    for seq in (numbers[0], numbers[2], numbers[-1]):
        with tampered(filled, tables.audit, {"case_no": "x"}, {"seq": seq}):
            [found] = fsck(filled).findings
            assert (found.table, found.row) == ("hub_audit", f"seq {seq}")


def test_removed_and_added_audit_entries_are_found(filled):
    with deleted(filled, tables.audit, {"seq": 3}):
        [found] = fsck(filled).findings
        assert (found.table, found.what) == ("hub_audit", "1 of its 3 rows are missing")
    row = last(filled, tables.audit)._asdict()
    del row["seq"]
    for log_entry, place in ((None, None), (row["log_entry"], row["place"]), (row["log_entry"], 255), (0, 1)):
        with filled.engine.begin() as connection:
            added = connection.execute(sa.insert(tables.audit).values(row | {"log_entry": log_entry, "place": place})).inserted_primary_key[
                0
            ]
        found = fsck(filled).findings
        assert f"seq {added}" in {one.row for one in found if one.table == "hub_audit"}
        as_superuser(filled, tables.audit, [sa.delete(tables.audit).where(tables.audit.c.seq == added)])
        assert fsck(filled).findings == ()


def test_flipped_byte_in_any_file_of_the_audit_log_is_found_and_the_file_named(filled):
    root = filled.audit_tiles.directory
    files = [one for one in root.rglob("*") if one.is_file()]
    assert {one.relative_to(root).parts[0] for one in files} == {"tile", "checkpoint"}
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        assert f"audit-log/{file.relative_to(root).as_posix()}" in found_in(filled)
        file.write_bytes(whole)
    assert found_in(filled) == set()


def test_t8_rolled_back_audit_log_is_found(filled):
    with reading(filled.engine) as connection:
        newest = connection.execute(sa.select(sa.func.max(audit_leaf.c.entry))).scalar_one()
    with deleted(filled, audit_leaf, {"entry": newest}):
        assert {"hub_audit_leaf", "hub_audit_checkpoint"} <= found_in(filled)
