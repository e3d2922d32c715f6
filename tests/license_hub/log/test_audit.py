from __future__ import annotations

import pytest

from license_hub.log import audit
from license_hub.log.integrator import integrate
from license_hub.log.tiles import TileStore

from .conftest import NOW, ORIGIN, Rows, leaves


@pytest.fixture
def logged(store, signer):
    rows = Rows(leaves(520))
    return rows, store, integrate(rows, store, [signer], ORIGIN, NOW)


def test_faults_of_a_sound_log_are_none(logged):
    rows, store, head = logged
    assert list(audit.faults(store, head, rows)) == []
    assert list(audit.faults(store, head)) == []


def test_faults_find_one_flipped_byte_in_every_stored_file(logged, tree_files):
    rows, store, head = logged
    for path, data in tree_files(store.directory).items():
        file = store.directory / path
        for place in {0, len(data) // 3, len(data) - 1}:
            file.write_bytes(bytes([*data[:place], data[place] ^ 0x10, *data[place + 1 :]]))
            found = list(audit.faults(TileStore(store.directory), head, rows))
            assert path in {one.path for one in found} or path == "checkpoint", (path, place)
            assert found, (path, place)
            file.write_bytes(data)
    assert list(audit.faults(store, head, rows)) == []


def test_faults_name_the_entry_of_a_rewritten_row(logged):
    rows, store, head = logged
    rows.leaves[300] = b"rewritten"
    found = list(audit.faults(store, head, rows))
    assert [(one.path, one.entry) for one in found] == [("hub_leaf", 300)]
    assert "entry 300" in str(found[0])


def test_faults_name_the_rows_that_are_gone(logged):
    rows, store, head = logged
    del rows.leaves[518:]
    assert [one.entry for one in audit.faults(store, head, rows)] == [518, 519]


def test_faults_name_a_missing_file(logged):
    _, store, head = logged
    (store.directory / "tile/0/001").unlink()
    assert "tile/0/001" in {one.path for one in audit.faults(store, head)}


def test_faults_find_history_rewritten_from_entries_to_tiles(logged, tmp_path, signer):
    """All files agree with each other, but not with the root that was signed before."""
    _, store, head = logged
    forged = TileStore(tmp_path / "forged")
    other = Rows(leaves(519) + [b"forged"])
    integrate(other, forged, [signer], ORIGIN, NOW)
    forged.publish_checkpoint(head.note)
    assert [one.what for one in audit.faults(forged, head)] == ["the stored tiles do not give the signed root"]
