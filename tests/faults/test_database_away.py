"""T24: a database that stops, freezes or fills up. The hub answers 503 meanwhile, and goes on by itself."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.cluster import cluster

from .service import Traffic, serving, unaudited
from .world import CLEAN, Nursery, world


@pytest.mark.parametrize("seconds", [3, pytest.param(30, marks=pytest.mark.nightly)])
def test_t24_database_frozen_and_thawed_is_got_through(own_world, nursery, seconds, record_property):
    own_world.deliver(200)
    own_world.settle()
    with serving(own_world, workers=1) as service, Traffic(own_world, service, Random(seconds)) as traffic:
        traffic.acknowledged(list(own_world.stated))
        own_world.deliver(400, revoked=20)
        nursery.start()
        time.sleep(0.3)
        own_world.cluster.freeze()
        time.sleep(seconds)
        own_world.cluster.thaw()
        record_property("serving_again_s", round(service.wait(), 2))
        assert nursery.ended() == 0, nursery.log.read_text()[-2000:]
        assert service.starts == 1
    own_world.settle()
    assert (own_world.account(), traffic.wrong, unaudited(own_world, traffic)) == (CLEAN, [], [])


@pytest.fixture
def volume() -> Iterator[Path]:
    """A small volume of its own; skips where it cannot be mounted."""
    place = Path(tempfile.mkdtemp(prefix="mzt-volume-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m,mode=0755", "tmpfs", place], capture_output=True)
    try:
        if mounted.returncode:
            pytest.skip("cannot mount a small volume: needs root and CAP_SYS_ADMIN")
        yield place
    finally:
        subprocess.run(["umount", "-l", place], capture_output=True)
        place.rmdir()


def fill(place: Path, leave: int) -> Path:
    """A file that takes all room but `leave` bytes."""
    ballast = place / "ballast"
    found = subprocess.run(["df", "--output=avail", "-B1", place], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["fallocate", "-l", str(int(found[-1]) - leave), ballast], check=True)
    return ballast


def test_t24_disk_of_the_database_full_and_freed_is_got_through(volume, tmp_path, catalog):
    limits = {"max_wal_size": "48MB", "min_wal_size": "32MB"}
    with cluster(limits, data=volume / "data") as made, world(made, tmp_path, catalog) as own:
        nursery = Nursery(own.options, tmp_path / "nursery.log")
        own.deliver(200)
        own.settle()
        own.deliver(3_000, revoked=20)
        ballast = fill(volume, leave=1_000_000)
        nursery.start()
        until = time.monotonic() + 60
        while "the database is away" not in nursery.log.read_text() and time.monotonic() < until:
            time.sleep(0.1)
        assert "the database is away" in nursery.log.read_text(), "the volume was not full"
        ballast.unlink()
        if not made.is_up():
            made.start()
        assert nursery.ended() == 0, nursery.log.read_text()[-2000:]
        nursery.close()
        assert own.account() == CLEAN


def test_t24_disk_of_the_tiles_full_and_freed_signs_nothing_meanwhile_and_goes_on(own_cluster, volume, tmp_path, catalog):
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "log").symlink_to(volume, target_is_directory=True)
    with world(own_cluster, tmp_path, catalog, lake=lake) as own:
        nursery = Nursery(own.options, tmp_path / "nursery.log")
        own.deliver(300)
        own.settle()
        signed = own.hub.tiles.read_checkpoint()
        own.deliver(400, revoked=30)
        ballast = fill(volume, leave=16_384)
        nursery.start()
        assert nursery.ended() == 1 and "No space left on device" in nursery.log.read_text()
        assert own.hub.tiles.read_checkpoint() == signed
        assert not list(volume.rglob(".new-*"))
        ballast.unlink()
        nursery.start(act="integrate")
        assert nursery.ended() == 0, nursery.log.read_text()[-2000:]
        nursery.close()
        assert own.account() == CLEAN
