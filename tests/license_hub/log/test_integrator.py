from __future__ import annotations

import os
import threading

import pytest

from license_hub.errors import LeaseLost, LogDiverged, TileCorrupt, TileMissing
from license_hub.log import audit, checkpoint, files, tree
from license_hub.log.integrator import integrate
from license_hub.log.proof import consistency_proof, inclusion_proof, root_at
from license_hub.log.tiles import TileStore
from license_hub.signing.keyring import InsecureDevSigner

from .conftest import NOW, ORIGIN, Rows, leaves


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code under test catches it or cleans up after it."""


def run(rows, store, signer):
    return integrate(rows, store, [signer], ORIGIN, NOW)


def test_integrate_of_an_empty_log_signs_the_empty_root(store, signer):
    made = run(Rows([]), store, signer)
    assert (made.size, made.root) == (0, tree.EMPTY_ROOT)
    assert store.read_checkpoint() == made.note


@pytest.mark.parametrize("steps", [[1, 1], [255, 1, 1], [256, 256], [3, 600, 7], [700], [100, 156, 1, 255]])
def test_integrate_in_steps_gives_the_root_of_all_leaves(store, signer, steps):
    rows = Rows([])
    older = []
    for count in steps:
        rows.append(leaves(count, len(rows.leaves)))
        made = run(rows, store, signer)
        assert made.root == tree.root([tree.leaf_hash(one) for one in rows.leaves])
        assert checkpoint.verify(store.read_checkpoint(), ORIGIN, checkpoint.keys(ORIGIN, [(signer.alg, signer.public)])) == made
        for old in older:
            path = consistency_proof(store, old.size, made.size)
            assert tree.consistency(old.size, made.size, old.root, made.root, path)
            assert root_at(TileStore(store.directory), old.size) == old.root
        older.append(made)
    for index in range(0, made.size, 37):
        path = inclusion_proof(store, index, made.size)
        assert tree.inclusion(tree.leaf_hash(rows.leaves[index]), index, made.size, path, made.root)


def test_integrate_beyond_65536_leaves_makes_the_third_level(store, signer):
    rows = Rows(leaves(65_000))
    first = run(rows, store, signer)
    rows.append(leaves(700, 65_000))
    made = run(rows, store, signer)
    assert made.root == tree.root(rows.stored_hashes)
    assert len(store.read_tile(2, 0, 1)) == 32
    assert tree.consistency(65_000, 65_700, first.root, made.root, consistency_proof(store, 65_000, 65_700))
    assert list(audit.faults(TileStore(store.directory), made, rows)) == []


def test_integrate_without_new_rows_changes_nothing(store, signer, tree_files):
    rows = Rows(leaves(300))
    first = run(rows, store, signer)
    before = tree_files(store.directory)
    assert run(rows, store, signer) == first
    assert tree_files(store.directory) == before
    assert len(rows.checkpoints) == 1


def test_integrate_repairs_a_checkpoint_that_was_stored_but_not_published(store, signer):
    rows = Rows(leaves(3))
    made = run(rows, store, signer)
    (store.directory / "checkpoint").unlink()
    assert run(rows, store, signer) == made
    assert store.read_checkpoint() == made.note


def replacements(monkeypatch, stop_at: int | None) -> list[str]:
    """Counts the renames of the writer; the one numbered `stop_at` and all after it never happen."""
    done: list[str] = []
    guard = threading.Lock()
    real = os.replace

    def counted(source, target):
        with guard:
            if stop_at is not None and len(done) >= stop_at:
                raise Killed
            done.append(str(target))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", counted)
    return done


def test_integrate_killed_at_every_rename_and_run_again_gives_the_same_tiles(tmp_path, signer, monkeypatch, tree_files):
    whole_rows, whole = Rows(leaves(200)), TileStore(tmp_path / "whole")
    run(whole_rows, whole, signer)
    whole_rows.append(leaves(500, 200))
    with monkeypatch.context() as patch:
        renames = replacements(patch, None)
        run(whole_rows, whole, signer)
    assert len(renames) == 8
    for stop_at in range(len(renames)):
        rows, store = Rows(leaves(200)), TileStore(tmp_path / f"killed-{stop_at}")
        run(rows, store, signer)
        rows.append(leaves(500, 200))
        with monkeypatch.context() as patch:
            replacements(patch, stop_at)
            with pytest.raises(Killed):
                run(rows, store, signer)
        run(rows, store, signer)
        assert tree_files(store.directory) == tree_files(whole.directory), stop_at
        assert list(audit.faults(store, rows.checkpoints[-1], rows)) == []


@pytest.mark.parametrize("when", ["store_checkpoint", "publish_checkpoint", "drop_partial"])
def test_integrate_killed_between_its_steps_and_run_again_gives_the_same_tiles(tmp_path, signer, monkeypatch, tree_files, when):
    def killed(*_args):
        raise Killed

    rows, store = Rows(leaves(200)), TileStore(tmp_path / "killed")
    run(rows, store, signer)
    rows.append(leaves(500, 200))
    with monkeypatch.context() as patch:
        patch.setattr(rows if when == "store_checkpoint" else store, when, killed)
        with pytest.raises(Killed):
            run(rows, store, signer)
    run(rows, store, signer)
    whole_rows, whole = Rows(leaves(200)), TileStore(tmp_path / "whole")
    run(whole_rows, whole, signer)
    whole_rows.append(leaves(500, 200))
    run(whole_rows, whole, signer)
    assert tree_files(store.directory) == tree_files(whole.directory)
    assert {one.size: one.note for one in rows.checkpoints} == {one.size: one.note for one in whole_rows.checkpoints}


def test_integrate_killed_then_run_over_more_rows_is_sound(tmp_path, signer, monkeypatch):
    rows, store = Rows(leaves(10)), TileStore(tmp_path)
    with monkeypatch.context() as patch:
        replacements(patch, 1)
        with pytest.raises(Killed):
            run(rows, store, signer)
    rows.append(leaves(400, 10))
    assert run(rows, store, signer).root == tree.root(rows.stored_hashes)


def test_integrate_with_an_older_fence_stores_and_publishes_nothing(store, signer):
    class Overtaken(Rows):
        def size(self):
            self.fence += 1
            return super().size()

    rows = Overtaken(leaves(3))
    with pytest.raises(LeaseLost):
        run(rows, store, signer)
    assert rows.checkpoints == []
    assert store.read_checkpoint() is None


def test_integrate_that_was_overtaken_never_publishes_backwards(store, signer, tmp_path):
    rows = Rows(leaves(3))
    run(rows, store, signer)

    class Overtaken(Rows):
        def size(self):
            successor = Rows(leaves(5))
            successor.checkpoints = list(self.checkpoints)
            run(successor, store, signer)
            return super().size()

    late = Overtaken(leaves(3))
    late.checkpoints = list(rows.checkpoints)
    assert run(late, store, signer).size == 3
    assert checkpoint.parse(store.read_checkpoint()).size == 5


def test_integrate_over_rows_that_do_not_give_their_hashes_signs_nothing(store, signer):
    rows = Rows(leaves(300))
    rows.leaves[270] = b"rewritten"
    with pytest.raises(LogDiverged, match="leaf rows 0 to 299"):
        run(rows, store, signer)
    assert rows.checkpoints == []


def test_integrate_over_published_rows_rewritten_with_their_hashes_signs_nothing(store, signer):
    rows = Rows(leaves(300))
    run(rows, store, signer)
    rows.leaves[280] = b"rewritten"
    rows.append(leaves(5, 300))
    rows.stored_hashes[280] = tree.leaf_hash(b"rewritten")
    with pytest.raises(LogDiverged, match="differ from the published tile"):
        run(rows, store, signer)
    assert len(rows.checkpoints) == 1


def test_integrate_with_fewer_rows_than_signed_signs_nothing(store, signer):
    rows = Rows(leaves(300))
    run(rows, store, signer)
    del rows.leaves[250:]
    with pytest.raises(LogDiverged, match="300 entries and 250 are left"):
        run(rows, store, signer)


def test_integrate_with_a_rolled_back_register_signs_nothing(store, signer):
    rows = Rows(leaves(300))
    run(rows, store, signer)
    rows.append(leaves(5, 300))
    run(rows, store, signer)
    rows.checkpoints.pop()
    with pytest.raises(LogDiverged, match="published that the database does not have"):
        run(rows, store, signer)


def test_integrate_under_another_origin_signs_nothing(store, signer):
    rows = Rows(leaves(3))
    run(rows, store, signer)
    with pytest.raises(LogDiverged, match="origin"):
        integrate(rows, store, [signer], "log.example/other", NOW)


def test_integrate_without_its_tiles_says_what_is_missing(store, signer):
    rows = Rows(leaves(3))
    run(rows, store, signer)
    (store.directory / "tile/0/000.p/3").unlink()
    rows.append(leaves(1, 3))
    with pytest.raises(TileMissing, match="tile/0/000"):
        run(rows, store, signer)


@pytest.mark.parametrize("path", ["tile/0/001.p/44", "tile/1/000.p/1"])
def test_integrate_after_any_bit_of_the_edge_flipped_signs_nothing_and_goes_on_once_restored(store, signer, path):
    rows = Rows(leaves(300))
    run(rows, store, signer)
    rows.append(leaves(1, 300))
    file = store.directory / path
    good = file.read_bytes()
    for place in range(0, len(good), 11):
        file.write_bytes(bytes([*good[:place], good[place] ^ 4, *good[place + 1 :]]))
        with pytest.raises(LogDiverged, match="no longer give the root"):
            run(rows, store, signer)
    assert len(rows.checkpoints) == 1
    file.write_bytes(good)
    assert run(rows, store, signer).size == 301


def test_integrate_when_the_disk_gives_back_other_bytes_signs_nothing(store, signer, monkeypatch):
    real = os.replace

    def bad_disk(source, target):
        real(source, target)
        data = bytearray(target.read_bytes())
        data[-1] ^= 1
        target.write_bytes(bytes(data))

    rows = Rows(leaves(300))
    monkeypatch.setattr(files.os, "replace", bad_disk)
    with pytest.raises(TileCorrupt, match="nothing was signed"):
        run(rows, store, signer)
    assert rows.checkpoints == []


def test_partial_tiles_of_older_checkpoints_are_served_until_full(store, signer):
    rows = Rows(leaves(10))
    run(rows, store, signer)
    small = store.serve("tile/0/000.p/10")
    entries = store.serve("tile/entries/000.p/10")
    rows.append(leaves(300, 10))
    run(rows, store, signer)
    assert not (store.directory / "tile/0/000.p").exists()
    assert store.serve("tile/0/000.p/10") == small
    assert store.serve("tile/entries/000.p/10") == entries


def test_integrate_with_an_sm2_key_beside_signs_both_lines(store, signer):
    beside = InsecureDevSigner("SM2", bytes(31) + b"\x09")
    made = integrate(Rows(leaves(3)), store, [signer, beside], ORIGIN, NOW)
    for one in (signer, beside):
        assert checkpoint.verify(store.read_checkpoint(), ORIGIN, checkpoint.keys(ORIGIN, [(one.alg, one.public)])) == made
