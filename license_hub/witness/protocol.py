"""The add-checkpoint call (C2SP tlog-witness): bytes in, status and text out.

1. form                    else 400
2. origin is known         else 404
3. a known key signed      else 403
4. old size ≤ size         else 400
5. old size is the last    else 409 with the last size; equal sizes need equal roots, else 409
6. consistency proof       else 422
7. the checkpoint is on disk, then the cosignatures are made and given out: 200

5 to 7 run under one lock: no later answer undoes an earlier one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from license_hub.errors import NoteMalformed, SignatureBad
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.cosignature import cosign
from license_hub.log.note import NoteKey
from license_hub.log.submission import SIZE_TYPE, parse_request
from license_hub.log.tree import EMPTY_ROOT, consistency
from license_hub.signing.suites import Signer
from license_hub.witness.state import State

PLAIN = "text/plain; charset=utf-8"

logger = logging.getLogger("hub.witness")


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    media_type: str = PLAIN


class Witness:
    """`logs`: origin → keys that may sign its checkpoints. `clock`: POSIX seconds."""

    def __init__(self, name: str, signers: Sequence[Signer], logs: Mapping[str, Sequence[NoteKey]], state: State, clock: Callable[[], int]):
        self.name = name
        self._signers = tuple(signers)
        self._logs = dict(logs)
        self._state = state
        self._clock = clock
        self._lock = Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Never raises for what a caller sent. Raises WitnessFault when its own state cannot be read."""
        try:
            old, proof, head = parse_request(body)
        except NoteMalformed as fault:
            return Answer(400, f"{fault}\n")
        keys = self._logs.get(head.origin)
        if keys is None:
            return Answer(404, "this log is not known here\n")
        try:
            checkpoints.verify(head.note, head.origin, keys)
        except (SignatureBad, NoteMalformed):
            return Answer(403, "no known key of this log signed the checkpoint\n")
        if old > head.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        with self._lock:
            return self._advance(old, proof, head)

    def _advance(self, old: int, proof: tuple[bytes, ...], head: Checkpoint) -> Answer:
        last = self._state.last(head.origin)
        size, root = (last.size, last.root) if last else (0, EMPTY_ROOT)
        if old != size:
            return Answer(409, f"{size}\n", SIZE_TYPE)
        if head.size == size and head.root != root:
            logger.critical("split view: %s signed two roots of %d entries: %r and %r", head.origin, size, last and last.note, head.note)
            return Answer(409, f"{size}\n", SIZE_TYPE)
        if not consistency(size, head.size, root, head.root, proof):
            logger.critical("inconsistent: %s signed %r, seen before: %r", head.origin, head.note, last and last.note)
            return Answer(422, "the proof does not show that the log only grew\n")
        self._state.keep(head)
        at = self._clock()
        return Answer(200, "".join(cosign(head, self.name, one, at) for one in self._signers))
