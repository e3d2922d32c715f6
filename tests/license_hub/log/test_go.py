"""A reader we did not write: Go's golang.org/x/mod/sumdb packages note and tlog, from Debian, over the served log."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from license_hub.log import checkpoint as checkpoints
from license_hub.log.note import encode
from license_hub.log.proof import root_at
from license_hub.log.tiles import TileStore
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from tests.license_hub.sample_hub import options, wall_clock
from tests.license_hub.server import running
from tests.license_hub.service.publishing import Publisher, entity

GOPATH = Path("/usr/share/gocode")
SOURCE = Path(__file__).with_name("go") / "reader.go"


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Path:
    if not shutil.which("go") or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("Go or its sumdb packages are absent: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache"), "GOFLAGS": "-p=1"}
    subprocess.run(["go", "build", "-o", str(folder / "reader"), str(SOURCE)], env=environment, check=True, timeout=300)
    return folder / "reader"


def read(reader: Path, url: str, key: str, old: int) -> subprocess.CompletedProcess:
    return subprocess.run([str(reader), f"{url}/log", key, str(old)], capture_output=True, text=True, timeout=120, check=False)


def test_go_reads_the_log_unchanged(reader, catalog, tmp_path):
    """Signature, tiles, every entry's inclusion and consistency; then one flipped bit of a tile, and another log's key, are refused."""
    hub = open_hub(options(tmp_path), clock=wall_clock, catalog=catalog)
    publisher = Publisher(hub)
    publisher.publish("legal_entity", [entity(n) for n in range(25)])
    apply_pending(hub)
    old = checkpoints.parse(hub.tiles.read_checkpoint())
    publisher.publish("legal_entity", [entity(n) for n in range(600)])
    apply_pending(hub)
    head = checkpoints.parse(hub.tiles.read_checkpoint())
    [key] = checkpoints.keys(hub.origin, [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint")])
    [other] = checkpoints.keys(hub.origin, [(one.alg, one.public) for one in hub.keyring.public_keys("token")])
    hub.close()
    assert head.size > 256 > old.size
    with running(options(tmp_path), tmp_path) as server:
        found = read(reader, server.url, key.text, old.size)
        assert found.stdout.split() == [str(head.size), encode(head.root), "1", "0", encode(old.root)], found
        assert root_at(TileStore(tmp_path / "lake/log"), old.size) == old.root
        assert read(reader, server.url, other.text, old.size).returncode == 1
        tile = tmp_path / "lake/log/tile/0/000"
        whole = tile.read_bytes()
        tile.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        refused = read(reader, server.url, key.text, old.size)
        assert (refused.returncode, refused.stdout.split(":")[0]) == (1, "refused")
