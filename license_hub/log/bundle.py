"""Offline proofs: index, inclusion path and checkpoint in one text (C2SP tlog-proof, file extension `.tlog-proof`).

The format's `extra` line is not written and not accepted: nothing authenticates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import checkpoint, note, tree
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.note import NoteKey
from license_hub.log.policy import Policy

HEAD = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63


@dataclass(frozen=True)
class Proof:
    """Entry `index` is in the tree of `checkpoint` (a signed note, verbatim) by `path`."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    @property
    def text(self) -> str:
        hashes = "".join(f"{note.encode(one)}\n" for one in self.path)
        return f"{HEAD}\nindex {self.index}\n{hashes}\n{self.checkpoint}"


def parse(text: str) -> Proof:
    """Nothing verified. Raises NoteMalformed."""
    head, blank, signed = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != HEAD or len(lines) < 2 or not lines[1].startswith("index "):
        raise NoteMalformed(f"not a proof of the format {HEAD}")
    index = checkpoint.count(lines[1].removeprefix("index "))
    if len(lines) - 2 > MAX_PATH:
        raise NoteMalformed("the path has at most 63 hashes")
    path = tuple(note.decode(line) for line in lines[2:])
    checkpoint.parse(signed)
    return Proof(index, path, signed)


def verify(proof: Proof, leaf_hash: bytes, origin: str, keys: Sequence[NoteKey], policy: Policy | None = None) -> Checkpoint:
    """The checkpoint that covers the leaf, signed and cosigned as the policy demands. Raises NoteMalformed, SignatureBad."""
    head = (policy or Policy()).verify(proof.checkpoint, origin, keys)
    if not tree.inclusion(leaf_hash, proof.index, head.size, proof.path, head.root):
        raise SignatureBad("the leaf is not at that place of the log")
    return head
