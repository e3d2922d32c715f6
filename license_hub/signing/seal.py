"""The issuing organ's seal over its rows of a batch: one signature over a Merkle root, an inclusion path for each row.

- The tree is RFC 6962's over the *leaf hashes* of the rows, in the order they were logged; its tiles are stored and its paths are
  computed by the log's own code.
- The organ's key signs the statement, JCS `{v, kind: "attestation", issuer, resource, publication, size, root, at}`; an organ key signs
  nothing else.

Source: design.md decision 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from license_hub.errors import NotCanonical, SignatureBad
from license_hub.log import tree
from license_hub.log.proof import inclusion_proof, root_at
from license_hub.log.tiles import TileMap, Tiles, build
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.keyring import PublicKey
from license_hub.signing.suites import Signer

_NAMES = {"v", "kind", "issuer", "resource", "publication", "size", "root", "at"}
_HEX64 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Attestation:
    statement: bytes
    signature: bytes
    kid: str
    alg: str


@dataclass(frozen=True)
class Statement:
    """What the organ attests: that the `size` leaf hashes under `root` are licenses of its own."""

    issuer: str
    resource: str
    publication: int
    size: int
    root: bytes
    at: str


@dataclass(frozen=True)
class AttestationPath:
    """Place of one row under an attestation's root."""

    index: int
    path: tuple[bytes, ...]


def issuer_tree(leaf_hashes: Sequence[bytes]) -> tuple[bytes, dict[tuple[int, int], bytes]]:
    """(root, tiles by level and index) over one issuer's rows of a batch."""
    tiles = build(leaf_hashes)
    return root_at(TileMap(tiles), len(leaf_hashes)), tiles


def attest(signer: Signer, issuer_code: str, size: int, root: bytes, at: str, *, resource: str, publication: int) -> Attestation:
    """The organ's signature over a batch; `at` is `commitment.instant(…)`."""
    content = {
        "v": 1,
        "kind": "attestation",
        "issuer": issuer_code,
        "resource": resource,
        "publication": publication,
        "size": size,
        "root": root.hex(),
        "at": at,
    }
    statement = jcs(content)
    return Attestation(statement, signer.sign(statement), signer.kid, signer.alg)


def check(attestation: Attestation, keys: Sequence[PublicKey]) -> Statement:
    """The statement, signed by the key it names. `keys` are the issuer's registered ones. Raises SignatureBad."""
    for key in keys:
        if key.kid == attestation.kid:
            if key.alg != attestation.alg or not key.verify(attestation.statement, attestation.signature):
                raise SignatureBad(f"the attestation's signature by {key.kid} does not verify")
            statement = read(attestation.statement)
            if key.role != f"organ/{statement.issuer}":
                raise SignatureBad(f"the key {key.kid} is not of the organ that the attestation names")
            return statement
    raise SignatureBad("the attestation is signed by no registered key of the issuer")


def read(statement: bytes) -> Statement:
    """The statement's parts, nothing verified. Raises SignatureBad."""
    try:
        value = parse(statement)
    except NotCanonical as fault:
        raise SignatureBad(f"the attestation's statement is no canonical JSON: {fault}") from None
    if not isinstance(value, dict) or set(value) != _NAMES or value["v"] != 1 or value["kind"] != "attestation":
        raise SignatureBad("not the statement of an attestation of version 1")
    whole = all(type(value[name]) is int for name in ("v", "publication", "size"))
    if (
        not whole
        or not all(type(value[name]) is str for name in ("issuer", "resource", "root", "at"))
        or not _HEX64.fullmatch(value["root"])
    ):
        raise SignatureBad("a part of the attestation's statement has the wrong type")
    return Statement(value["issuer"], value["resource"], value["publication"], value["size"], bytes.fromhex(value["root"]), value["at"])


def path_of(tiles: Tiles | dict[tuple[int, int], bytes], index: int, size: int) -> AttestationPath:
    """Path of row `index`, from the attestation's tiles. Raises TileMissing, TileCorrupt."""
    source = TileMap(tiles) if isinstance(tiles, dict) else tiles
    return AttestationPath(index, tuple(inclusion_proof(source, index, size)))


def covers(statement: Statement, leaf_hash: bytes, path: AttestationPath) -> bool:
    """Whether that leaf is among the rows the organ attested."""
    return tree.inclusion(leaf_hash, path.index, statement.size, path.path, statement.root)
