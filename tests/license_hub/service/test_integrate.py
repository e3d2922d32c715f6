"""Two integrators at once, damaged tiles, and tiles written again from the rows."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import defaultdict

import pytest
import sqlalchemy as sa

from license_hub.errors import LogDiverged, LogError
from license_hub.log import checkpoint as checkpoints
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import attend, integrate
from license_hub.service.logs import audit, licenses
from license_hub.service.rebuild_tiles import rebuild_tiles
from license_hub.service.verify import VerifyRequest, verify
from license_hub.signing.keyring import Keyring
from license_hub.storage import bulk, tables
from license_hub.storage.engine import writing
from license_hub.storage.leaves import advance_log, lock_log

from .intruder import tampered
from .publishing import Publisher, credit_code, entity


def test_two_integrator_processes_at_once_never_sign_two_roots_of_one_size(hub, options, tmp_path):
    stop, outputs = tmp_path / "stop", [tmp_path / "first.txt", tmp_path / "second.txt"]
    program = [sys.executable, "-m", "tests.license_hub.service.integrating"]
    command = [*program, options.database_url, str(options.lake), str(options.keys), str(stop)]
    with outputs[0].open("w") as first, outputs[1].open("w") as second:
        processes = [subprocess.Popen(command, stdout=one) for one in (first, second)]
    until = time.monotonic() + 60
    try:
        # Until each has signed several times between the other's turns.
        while min(len(path.read_text().splitlines()) for path in outputs) < 3 and time.monotonic() < until:
            append(hub, 3)
            time.sleep(0.02)
    finally:
        stop.touch()
        assert [one.wait(60) for one in processes] == [0, 0]
    integrate(hub)
    signed = defaultdict(set)
    for path in outputs:
        lines = path.read_text().splitlines()[1:]
        assert len(lines) >= 2, "both took part"
        for size, root in (line.split() for line in lines):
            signed[int(size)].add(root)
    assert {size: roots for size, roots in signed.items() if len(roots) > 1} == {}
    with hub.engine.connect() as connection:
        stored = connection.execute(sa.select(tables.checkpoint.c.size, tables.checkpoint.c.note)).all()
    assert {row.size for row in stored} >= set(signed)
    assert checkpoints.parse(hub.tiles.read_checkpoint()).size == max(row.size for row in stored)


def append(hub: Hub, count: int) -> None:
    from license_hub.log.tree import leaf_hash

    with writing(hub.engine) as connection:
        first = lock_log(connection)
        leaves = [b"leaf %d" % n for n in range(first, first + count)]
        bulk.insert(connection, tables.leaf, [(first + n, one, leaf_hash(one)) for n, one in enumerate(leaves)])
        advance_log(connection, first + count)


@pytest.fixture
def logged(hub: Hub, publisher: Publisher) -> Hub:
    publisher.publish("legal_entity", [entity(i) for i in range(300)])
    apply_pending(hub)
    asked = VerifyRequest(type_id="business_license", number=credit_code(1), holder_number=credit_code(1))
    verify(hub, [asked])
    attend(hub)
    return hub


def test_one_flipped_bit_in_any_stored_tile_refuses_and_the_log_goes_on_once_rebuilt(logged):
    for log in (licenses(logged), audit(logged)):
        files = [one for one in (log.tiles.directory / "tile").rglob("*") if one.is_file()]
        size = checkpoints.parse(log.tiles.read_checkpoint()).size
        grow(logged, log)
        assert files
        for file in files:
            whole = file.read_bytes()
            file.write_bytes(whole[:-5] + bytes([whole[-5] ^ 8]) + whole[-4:])
            with pytest.raises(LogError):
                integrate(logged, log)
            assert checkpoints.parse(log.tiles.read_checkpoint()).size == size, "nothing was signed"
            assert rebuild_tiles(logged, log) == 1
            assert file.read_bytes() == whole
        assert integrate(logged, log).size == size + 1, "the log goes on"
    assert [one for one in fsck(logged).findings if "has no version" not in one.what] == []


def grow(hub: Hub, log) -> None:
    if log.tables is licenses(hub).tables:
        append(hub, 1)
    else:
        verify(hub, [VerifyRequest(type_id="business_license", number=credit_code(1), holder_number=credit_code(1))])


def test_lost_folder_of_tiles_is_rebuilt_from_the_rows(logged):
    before = {one: one.read_bytes() for one in logged.tiles.directory.rglob("*") if one.is_file()}
    shutil.rmtree(logged.tiles.directory / "tile")
    assert rebuild_tiles(logged, licenses(logged)) == sum("tile" in one.parts for one in before)
    assert {one: one.read_bytes() for one in logged.tiles.directory.rglob("*") if one.is_file()} == before
    assert fsck(logged).findings == ()


def test_t8_rows_that_do_not_give_the_signed_root_rebuild_nothing(logged):
    with tampered(logged, tables.leaf, {"leaf": b"rewritten"}, {"entry": 7}), pytest.raises(LogDiverged, match="restore the database"):
        rebuild_tiles(logged, licenses(logged))
    with tampered(logged, tables.checkpoint, {"root": bytes(32), "note": "x\n1\ny\n\n— a b\n"}), pytest.raises(LogError):
        rebuild_tiles(logged, licenses(logged))


def test_t27_key_that_is_not_registered_vouches_for_no_tiles(logged):
    log, size = licenses(logged), checkpoints.parse(logged.tiles.read_checkpoint()).size
    logged.keyring.generate("checkpoint")
    planted = Keyring(logged.keyring.directory).signer("checkpoint")
    head = checkpoints.parse(logged.tiles.read_checkpoint())
    forged = checkpoints.sign(log.origin, size, head.root, [planted])
    with tampered(logged, tables.checkpoint, {"note": forged.note}), pytest.raises(LogDiverged, match="does not verify"):
        rebuild_tiles(logged, log)
    assert rebuild_tiles(logged, log) == 0
