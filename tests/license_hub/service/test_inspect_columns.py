"""Whatever is changed in any column: the look at columns leaves no finding out that the look at rows makes, and makes none of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from license_hub.service.fsck import Findings
from license_hub.service.hub import Hub
from license_hub.service.inspect_audit import inspect_audit
from license_hub.service.inspect_audit_columns import runs
from license_hub.service.inspect_columns import inspect
from license_hub.service.inspect_rows import inspect_rows
from license_hub.service.inspect_seals import inspect_seals
from license_hub.storage import tables
from license_hub.storage.engine import reading
from license_hub.storage.tables_at_rest import erasure
from license_hub.storage.tables_audit_log import audit_leaf

from .intruder import deleted, tampered

TABLES = (tables.license, tables.version, tables.holder, tables.status, tables.leaf, erasure)


def vouch_for_nothing(job, crypt, entropy):
    """Every row is looked at by itself."""
    return replace(inspect(job, crypt, entropy), entries=np.array([], np.int64))


def found(hub: Hub, vouch) -> tuple[list[str], dict[str, int], list[bytes]]:
    findings = Findings()
    with reading(hub.engine) as connection:
        hashes, seats = inspect_rows(hub, connection, findings, vouch)
        inspect_seals(hub, connection, seats, findings)
    return sorted(map(str, findings.found)), dict(findings.checked), hashes


def same_both_ways(hub: Hub) -> list[str]:
    told = found(hub, inspect)
    assert told == found(hub, vouch_for_nothing)
    return told[0]


def same_audit_both_ways(hub: Hub) -> list[str]:
    told = []
    for vouch in (True, False):
        findings = Findings()
        with reading(hub.engine) as connection:
            hashes = inspect_audit(hub, connection, findings, vouch=vouch)
        told.append((sorted(map(str, findings.found)), dict(findings.checked), hashes))
    assert told[0] == told[1]
    return told[0][0]


def other_values(column: sa.Column, row: sa.Row, rows: list[sa.Row]) -> Iterator[object]:
    """What somebody might write there: another row's value, nothing, a near miss."""
    value = row._mapping[column.name]
    yield from {one._mapping[column.name] for one in rows} - {value}
    if column.nullable and value is not None:
        yield None
    if isinstance(column.type, sa.LargeBinary):
        cell = bytes(value)
        yield from {b"", b"x", cell[:-1], cell + b"x", *([cell[:5] + bytes([cell[5] ^ 1]) + cell[6:]] if cell else [])} - {cell}
    elif isinstance(column.type, sa.Boolean):
        yield not value
    elif isinstance(column.type, sa.Integer):
        yield 7_000
    else:
        yield from {"", f"{value} ", "2026-02-30", "x"} - {value}


def test_versions_of_a_sound_hub_are_all_vouched_for(filled):
    with reading(filled.engine) as connection:
        whole = connection.execute(sa.select(tables.version.c.entry).where(sa.func.length(tables.version.c.payload) > 0)).scalars().all()
    vouched: list[int] = []

    def noted(job, crypt, entropy):
        sound = inspect(job, crypt, entropy)
        vouched.extend(sound.entries.tolist())
        return sound

    assert found(filled, noted)[0] == []
    assert sorted(vouched) == sorted(whole) and len(whole) > 3


@pytest.mark.parametrize("chosen", [(0.5,), pytest.param((0, 0.25, 0.75, 1), marks=pytest.mark.nightly)])
def test_any_column_of_a_row_changed_is_found_over_columns_as_it_is_row_by_row(filled, chosen):
    tried = caught = 0
    for table in TABLES:
        with reading(filled.engine) as connection:
            rows = list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))
        for row in {rows[int(at * (len(rows) - 1))] for at in chosen}:
            key = {column.name: row._mapping[column.name] for column in table.primary_key.columns}
            for column in table.columns:
                for value in other_values(column, row, rows[:3]):
                    try:
                        with tampered(filled, table, {column.name: value}, key):
                            caught += bool(same_both_ways(filled))
                            tried += 1
                    except sa.exc.IntegrityError:
                        continue
    assert same_both_ways(filled) == [] and caught > tried / 2 > 50


def test_any_row_taken_away_is_found_over_columns_as_it_is_row_by_row(filled):
    for table in TABLES:
        with reading(filled.engine) as connection:
            rows = list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)))
        for row in rows:
            with deleted(filled, table, {column.name: row._mapping[column.name] for column in table.primary_key.columns}):
                told = same_both_ways(filled)
                # The emptied holder row of an erased version says nothing, and nothing is missing without it.
                assert told or (table is tables.holder and not any(row.number_bi)), (table.name, row[0])


def test_forged_event_at_a_version_s_own_entry_is_found(filled):
    """The entry is free in hub_status: a sound version there must not hide it."""
    with reading(filled.engine) as connection:
        event = dict(connection.execute(sa.select(tables.status)).first()._mapping)
        entry = connection.execute(sa.select(sa.func.min(tables.version.c.entry))).scalar_one()
    with filled.engine.begin() as connection:
        connection.execute(sa.insert(tables.status).values(event | {"entry": entry}))
    told = same_both_ways(filled)
    assert any(one.startswith(f"hub_status entry {entry}:") for one in told), told


def test_leaves_of_a_sound_audit_log_are_all_vouched_for(filled):
    with reading(filled.engine) as connection:
        told = list(runs(filled, connection, Findings(), True))
        assert len(told) == connection.execute(sa.select(sa.func.count()).select_from(audit_leaf)).scalar_one() > 3
    assert all(one.vouched for one in told)


def test_any_column_of_an_audit_entry_changed_is_found_over_columns_as_it_is_row_by_row(filled):
    with reading(filled.engine) as connection:
        entries = list(connection.execute(sa.select(tables.audit).order_by(tables.audit.c.seq)))
        leaves = list(connection.execute(sa.select(audit_leaf).order_by(audit_leaf.c.entry)))
    for table, rows, chosen in ((tables.audit, entries, (2, -1)), (audit_leaf, leaves, (-1,))):
        for row in {rows[at] for at in chosen}:
            key = {column.name: row._mapping[column.name] for column in table.primary_key.columns}
            for column in table.columns:
                if column.name == "seq":
                    continue
                for value in other_values(column, row, rows[:2]):
                    try:
                        with tampered(filled, table, {column.name: value}, key):
                            assert same_audit_both_ways(filled), (column.name, value)
                    except sa.exc.IntegrityError:
                        continue
            with deleted(filled, table, key):
                assert same_audit_both_ways(filled)
    for log_entry in (None, 0, 1):
        with tampered(filled, tables.audit, {"log_entry": log_entry}):
            same_audit_both_ways(filled)
    assert same_audit_both_ways(filled) == []
