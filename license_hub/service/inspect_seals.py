"""Attestations: signature, columns, tiles, and the rows that stand under each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.service.hub import Hub
from license_hub.service.inspect_rows import Seats
from license_hub.signing import seal
from license_hub.signing.seal import Attestation
from license_hub.storage.tables import attestation, attestation_tile

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings


def inspect_seals(hub: Hub, connection: sa.Connection, seats: Seats, findings: Findings) -> None:
    """`seats` are the rows that name each attestation, with the leaf hashes they give."""
    known = set()
    for row in connection.execute(sa.select(attestation)):
        findings.checked["hub_attestation"] += 1
        known.add(row.attestation_id)
        where = f"attestation_id {row.attestation_id}"
        for what in _signature_faults(hub, row):
            findings.add("hub_attestation", where, what)
        rows = _seated(seats.get(row.attestation_id, []), row.size, findings)
        if len(rows) != row.size:
            findings.add("hub_attestation", where, f"covers {row.size} rows, {len(rows)} versions stand under it")
            continue
        root, tiles = seal.issuer_tree([rows[index] for index in range(row.size)])
        if root != bytes(row.root):
            findings.add("hub_attestation", where, "its versions do not give its root")
        _compare_tiles(connection, row.attestation_id, tiles, findings)
    for name in sorted(set(seats) - known):
        findings.add("hub_attestation", f"attestation_id {name}", "is missing, versions name it")


def _seated(seats: list[tuple[int, int, bytes]], size: int, findings: Findings) -> dict[int, bytes]:
    """index → leaf hash; versions whose index has no place, or is another's, are found out."""
    rows: dict[int, bytes] = {}
    for index, entry, hashed in sorted(seats):
        if index in rows or not 0 <= index < size:
            findings.add("hub_version", f"entry {entry}", "attestation_index is no free place under its attestation")
        else:
            rows[index] = hashed
    return rows


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
