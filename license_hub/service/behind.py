"""Whether the database is older than what was published: then it was restored from a backup, and whatever it says may be overtaken.

Nothing is issued (an entry would be given out twice) and nothing is answered (a revocation may be missing) until
`hub restore replay` has brought back what the log holds.
"""

from __future__ import annotations

from license_hub.errors import LogDiverged
from license_hub.log import checkpoint as checkpoints
from license_hub.log.tiles import TileStore

WHAT_TO_DO = "the database was restored to an older state; run `hub restore replay`"


def refuse_if_behind(tiles: TileStore, entries: int) -> None:
    """`entries`: how many the database holds. Raises LogDiverged."""
    size = published_size(tiles)
    if size > entries:
        raise LogDiverged(f"a checkpoint of {size} entries is published, the database has {entries}: {WHAT_TO_DO}")


def published_size(tiles: TileStore) -> int:
    """Entries under the published checkpoint: no database that is not behind has fewer."""
    note = tiles.read_checkpoint()
    # Our own file: its second line, without taking the note apart, for this is asked with every answer.
    return 0 if note is None else int(note.split("\n", 2)[1])


def refuse_if_older(published: str | None, newest: str | None) -> None:
    """By notes: the published one, read *before* the database's newest; it may carry cosignatures beside. Raises LogDiverged."""
    if published is None or (newest is not None and published.startswith(newest)):
        return
    size = checkpoints.parse(newest).size if newest else 0
    if checkpoints.parse(published).size > size:
        raise LogDiverged(
            f"a checkpoint of {checkpoints.parse(published).size} entries is published, the database knows {size}: {WHAT_TO_DO}"
        )
