"""Attestations: signature, columns, tiles, and the rows that stand under each."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.hashing import HASH_BYTES
from license_hub.service.hub import Hub
from license_hub.signing import seal
from license_hub.signing.seal import Attestation
from license_hub.storage.tables import attestation, attestation_tile

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

_SEAT = np.dtype([("index", "i8"), ("entry", "i8"), ("hash", f"V{HASH_BYTES}")])


class Seats:
    """The versions under each attestation: (index, entry, leaf hash)."""

    def __init__(self) -> None:
        self._taken: dict[str, list[np.ndarray]] = defaultdict(list)

    def add(self, attestation_id: str, index: int, entry: int, leaf_hash: bytes) -> None:
        self._taken[attestation_id].append(np.array([(index, entry, leaf_hash)], _SEAT))

    def take(self, rows: pa.Table, leaf_hashes: np.ndarray) -> None:
        """Many at once: `attestation_id, attestation_index, entry` of versions."""
        if not rows.num_rows:
            return
        seats = np.empty(rows.num_rows, _SEAT)
        seats["index"], seats["entry"], seats["hash"] = rows["attestation_index"].to_numpy(), rows["entry"].to_numpy(), leaf_hashes
        named = pc.dictionary_encode(rows["attestation_id"]).combine_chunks()
        which = named.indices.to_numpy()
        order, ends = np.argsort(which, kind="stable"), np.cumsum(np.bincount(which, minlength=len(named.dictionary)))
        for name, part in zip(named.dictionary.to_pylist(), np.split(seats[order], ends[:-1]), strict=True):
            self._taken[name].append(part)

    def of(self, attestation_id: str) -> np.ndarray:
        """By index, then entry."""
        taken = self._taken.get(attestation_id)
        return np.sort(np.concatenate(taken), order=["index", "entry"]) if taken else np.empty(0, _SEAT)

    def names(self) -> set[str]:
        return set(self._taken)


def inspect_seals(hub: Hub, connection: sa.Connection, seats: Seats, findings: Findings) -> None:
    """`seats` are the rows that name each attestation, with the leaf hashes they give."""
    known = set()
    for row in connection.execute(sa.select(attestation)):
        findings.checked["hub_attestation"] += 1
        known.add(row.attestation_id)
        where = f"attestation_id {row.attestation_id}"
        for what in _signature_faults(hub, row):
            findings.add("hub_attestation", where, what)
        hashes = _seated(seats.of(row.attestation_id), row.size, findings)
        if len(hashes) != row.size:
            findings.add("hub_attestation", where, f"covers {row.size} rows, {len(hashes)} versions stand under it")
            continue
        root, tiles = seal.issuer_tree(hashes)
        if root != bytes(row.root):
            findings.add("hub_attestation", where, "its versions do not give its root")
        _compare_tiles(connection, row.attestation_id, tiles, findings)
    for name in sorted(seats.names() - known):
        findings.add("hub_attestation", f"attestation_id {name}", "is missing, versions name it")


def _seated(seats: np.ndarray, size: int, findings: Findings) -> list[bytes]:
    """Leaf hashes by index; versions whose index has no place, or is another's, are found out."""
    index = seats["index"]
    free = (index >= 0) & (index < size) & np.concatenate([[True], index[1:] != index[:-1]])[: len(index)]
    for entry in seats["entry"][~free].tolist():
        findings.add("hub_version", f"entry {entry}", "attestation_index is no free place under its attestation")
    return seats["hash"][free].tolist()


def _signature_faults(hub: Hub, row: sa.Row) -> list[str]:
    try:
        made = Attestation(bytes(row.statement), bytes(row.signature), row.kid, row.alg)
        said = seal.check(made, hub.security.keys(f"organ/{row.issuer_code}"))
    except HubError:
        return ["statement, signature, kid, alg or issuer_code was changed: the seal does not verify"]
    stored = {
        "issuer_code": (said.issuer, row.issuer_code),
        "resource": (said.resource, row.resource),
        "publication": (said.publication, row.publication),
        "size": (said.size, row.size),
        "root": (said.root, bytes(row.root)),
        "signed_at": (said.at, row.signed_at),
    }
    return [f"{name} is not what the organ signed" for name, (signed, column) in stored.items() if signed != column]


def _compare_tiles(connection: sa.Connection, attestation_id: str, tiles: dict[tuple[int, int], bytes], findings: Findings) -> None:
    query = sa.select(attestation_tile).where(attestation_tile.c.attestation_id == attestation_id)
    stored = {(row.level, row.tile_index): bytes(row.data) for row in connection.execute(query)}
    findings.checked["hub_attestation_tile"] += len(stored)
    for level, index in sorted(set(stored) | set(tiles)):
        if stored.get((level, index)) != tiles.get((level, index)):
            findings.add("hub_attestation_tile", f"{attestation_id} {level}/{index}", "is missing or differs from what its versions give")
