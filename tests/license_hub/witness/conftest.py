"""A log that grows, may lie, and speaks to a witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from license_hub.log import checkpoint, tree
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.proof import consistency_proof
from license_hub.log.submission import request_body
from license_hub.log.tiles import TileMap, build
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.witness import keys
from license_hub.witness.protocol import Answer, Witness
from license_hub.witness.state import State

ORIGIN, NAME = "log.example/test", "witness.example/w1"
SIGNER = InsecureDevSigner("Ed25519", bytes(range(32)))
LOG_KEYS = checkpoint.keys(ORIGIN, [(SIGNER.alg, SIGNER.public)])


@dataclass
class Log:
    """`fork`: entries from there on are others than the honest log's."""

    origin: str = ORIGIN
    signers: Sequence[InsecureDevSigner] = (SIGNER,)
    fork: int | None = None
    hashes: list[bytes] = field(default_factory=list)

    def upto(self, size: int) -> list[bytes]:
        while len(self.hashes) < size:
            n = len(self.hashes)
            self.hashes.append(tree.leaf_hash(b"%d %s" % (n, b"forked" if self.fork is not None and n >= self.fork else b"honest")))
        return self.hashes[:size]

    def head(self, size: int) -> Checkpoint:
        return checkpoint.sign(self.origin, size, tree.root(self.upto(size)), self.signers)

    def request(self, old: int, new: int) -> bytes:
        proof = consistency_proof(TileMap(build(self.upto(new))), old, new) if 0 <= old <= new else []
        return request_body(old, proof, self.head(new).note)


class Clock:
    at = 1_795_248_000

    def __call__(self) -> int:
        self.at += 1
        return self.at


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "witness"
    keys.make(made, NAME)
    keys.trust(made, LOG_KEYS[0].text)
    return made


def open_witness(directory: Path) -> tuple[Witness, State]:
    identity, state = keys.load(directory), State(directory)
    return Witness(identity.name, identity.signers, keys.logs(directory), state, Clock()), state


@pytest.fixture
def witness(directory: Path):
    opened, state = open_witness(directory)
    yield opened
    state.close()


def statuses(witness: Witness, *bodies: bytes) -> list[int]:
    return [witness.add_checkpoint(one).status for one in bodies]


__all__ = ["Answer", "Log", "open_witness", "statuses"]
