"""The log's files and checkpoints against the leaf rows: every file below `tile/`, every checkpoint ever signed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from license_hub.errors import HubError
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.policy import Policy
from license_hub.log.policy import parse as parse_policy
from license_hub.log.proof import root_at
from license_hub.log.tiles import ENTRIES, WIDTH, Tile, TileMap, entries_path, pack_entries, parse_path, tile_path
from license_hub.service.hub import Hub
from license_hub.service.logs import Log
from license_hub.service.publish_manifest import past_policies
from license_hub.storage.leaves import LICENSES

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

_UNFINISHED = ".new-"
"""Left by a killed writer; nobody reads it."""


def inspect_log(hub: Hub, log: Log, connection: sa.Connection, hashes: list[bytes], findings: Findings) -> None:
    """`hashes` are those of the log's leaf rows, by entry."""
    levels = _levels(hashes)
    tiles = TileMap(
        {(level, at // WIDTH): b"".join(row[at : at + WIDTH]) for level, row in enumerate(levels) for at in range(0, len(row), WIDTH)}
    )
    covered = _checkpoints(hub, log, connection, tiles, len(hashes), findings)
    if covered < len(hashes):
        findings.checked["entries not yet under a checkpoint"] += len(hashes) - covered
    _files(log, connection, levels, findings)
    _missing(log, covered, findings)


def _levels(hashes: list[bytes]) -> list[list[bytes]]:
    """All levels of hashes that tiles hold."""
    levels = [hashes]
    while len(levels[-1]) >= WIDTH:
        row = levels[-1]
        levels.append([Tile(b"".join(row[at : at + WIDTH])).node(8, 0) for at in range(0, len(row) - WIDTH + 1, WIDTH)])
    return levels


def _checkpoints(hub: Hub, log: Log, connection: sa.Connection, tiles: TileMap, size: int, findings: Findings) -> int:
    """Size of the newest one. Each must be signed and have the root the leaf rows give; cosignatures must verify."""
    table = log.tables.checkpoint
    keys = hub.security.checkpoint_keys(log.origin)
    policies = _Policies(hub, connection)
    newest: Checkpoint | None = None
    newest_texts: tuple[str | None, ...] = ()
    for row in connection.execute(sa.select(table).order_by(table.c.size)):
        findings.checked[table.name] += 1
        where = f"size {row.size}"
        try:
            newest = checkpoints.verify(row.note, log.origin, keys)
        except HubError:
            findings.add(table.name, where, "note was changed: its signature does not verify")
            continue
        if (newest.size, newest.root) != (row.size, bytes(row.root)):
            findings.add(table.name, where, "size or root is not what was signed")
        if newest.size > size:
            findings.add(table.name, where, f"was signed over {newest.size} entries, {size} are left")
        elif root_at(tiles, newest.size) != newest.root:
            findings.add(table.name, where, "the leaf rows no longer give the root that was signed")
        newest_texts = (row.note, row.cosigned)
        if not policies.bear_out(row):
            findings.add(table.name, where, "cosigned was changed: it is not the note with cosignatures that verify")
    if newest and log.tiles.read_checkpoint() not in newest_texts:
        findings.add(_named(log, "checkpoint"), "file", "is not the newest checkpoint")
    return min(newest.size, size) if newest else 0


class _Policies:
    """The policy asked for now and, where that does not know a checkpoint's witnesses, those that manifests told in its time."""

    def __init__(self, hub: Hub, connection: sa.Connection):
        self._now = hub.policy
        self._connection = connection

    def bear_out(self, row: sa.Row) -> bool:
        """Lines of keys the policy does not know say nothing; those it knows must be good, and a quorum where the row says so."""
        if row.cosigned is None:
            return row.witnessed_at is None
        try:
            head = checkpoints.parse(row.cosigned)
            enough = self._now.satisfied(self._now.cosigners(head)) and self._now.demands
        except HubError:
            return False
        return row.cosigned.startswith(row.note) and (row.witnessed_at is None or enough or self._once(head))

    def _once(self, head: Checkpoint) -> bool:
        for policy in self._past:
            with suppress(HubError):
                if policy.witnessed(head):
                    return True
        return False

    @cached_property
    def _past(self) -> tuple[Policy, ...]:
        return tuple(parse_policy(one.encode()) for one in sorted(past_policies(self._connection)) if one)


def _named(log: Log, path: str) -> str:
    """The file's name in a finding: as the hub's public log has it, others behind their folder."""
    return path if log.tables is LICENSES else f"{log.tiles.directory.name}/{path}"


def _files(log: Log, connection: sa.Connection, levels: list[list[bytes]], findings: Findings) -> None:
    """Every stored tile and bundle, partial ones included."""
    root, leaf = log.tiles.directory, log.tables.leaf
    for file in sorted((root / "tile").rglob("*")):
        if not file.is_file() or file.name.startswith(_UNFINISHED):
            continue
        path = file.relative_to(root).as_posix()
        findings.checked["tile files"] += 1
        try:
            kind, index, width = parse_path(path)
        except ValueError:
            findings.add(_named(log, path), "file", "is no part of a log")
            continue
        start, stop = index * WIDTH, index * WIDTH + width
        if kind == ENTRIES:
            query = sa.select(leaf.c.leaf).where(leaf.c.entry >= start, leaf.c.entry < stop).order_by(leaf.c.entry)
            meant = pack_entries([bytes(one) for one in connection.execute(query).scalars()])
        else:
            row = levels[int(kind)] if int(kind) < len(levels) else []
            meant = b"".join(row[start:stop])
        if file.read_bytes() != meant:
            findings.add(_named(log, path), "file", "differs from what the leaf rows give")


def _missing(log: Log, covered: int, findings: Findings) -> None:
    """Tiles that proofs under the newest checkpoint need."""
    level, size = 0, covered
    while size:
        for index in range(-(-size // WIDTH)):
            width = min(WIDTH, size - index * WIDTH)
            _readable(findings, _named(log, tile_path(level, index, width)), partial(log.tiles.read_tile, level, index, width))
            if level == 0:
                _readable(findings, _named(log, entries_path(index, width)), partial(log.tiles.read_entries, index, width))
        level, size = level + 1, size // WIDTH


def _readable(findings: Findings, path: str, read: Callable[[], object]) -> None:
    try:
        read()
    except HubError:
        findings.add(path, "file", "is missing or damaged")
