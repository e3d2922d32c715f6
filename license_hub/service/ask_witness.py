"""One witness is asked by HTTP for its word on a checkpoint (C2SP tlog-witness, add-checkpoint).

- No proxies of the environment, no redirects, answers of at most 64 KiB within `TIMEOUT_S`: what a witness sends is a stranger's text.
- A witness that does not answer, or not well, is logged and gives no lines.
- One that saw more entries than the database has, or another root, contradicts: evidence of a history rolled back or forked. What it
  says is kept (`hub.contradictions`) until it cosigns again, and costs the other witnesses' lines nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import httpx

from license_hub.errors import LogError, SignatureBad
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.cosignature import WitnessKey, add_lines, cosigned
from license_hub.log.proof import consistency_proof
from license_hub.log.submission import SIZE_TYPE, request_body
from license_hub.outbound import authorities
from license_hub.service.logs import Log

TIMEOUT_S = 5.0
"""For connecting, for each pause between two parts, and for the whole answer."""
MAX_ANSWER_BYTES = 64 * 1024
_TRIES = 3
"""First with the size we know of, then with the witness's own, then once more if it moved meanwhile."""
_MOST_LINES = 16

logger = logging.getLogger("hub.witnessing")


@dataclass(frozen=True)
class Word:
    """What one witness said: good lines, or what it holds against this log."""

    lines: tuple[str, ...] = ()
    contradiction: str | None = None


@dataclass(frozen=True)
class Asked:
    """A witness's address, and its keys of the policy."""

    url: str
    names: tuple[str, ...]
    keys: tuple[WitnessKey, ...]

    def __str__(self) -> str:
        return f"witness {', '.join(self.names)} at {self.url}"


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str
    text: str


def ask(log: Log, head: Checkpoint, guess: int, whom: Asked, entries: Callable[[], int]) -> Word:
    """`guess`: what it may have seen last; `entries`: how many the newest checkpoint of the database covers by now. Never raises for
    what a witness does. Raises TileMissing, TileCorrupt."""
    old = min(guess, head.size)
    with httpx.Client(verify=authorities(), timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
        for _ in range(_TRIES):
            answer = _post(client, whom, request_body(old, consistency_proof(log.tiles, old, head.size), head.note))
            if answer is None:
                return Word()
            if answer.status == 200:
                return Word(tuple(_good_lines(head, whom, answer.text)))
            if answer.status != 409 or not answer.kind.startswith(SIZE_TYPE):
                logger.error("%s refuses the checkpoint of %d entries: %d", whom, head.size, answer.status)
                saw = f"{whom} saw another history of {log.origin} than this one: keep both checkpoints, call for a person"
                return Word(contradiction=saw if answer.status == 422 else None)
            seen = _size(answer.text)
            if seen is None:
                logger.error("%s answers 409 without the size it saw", whom)
                return Word()
            if seen > head.size:
                # Another process's newer checkpoint, or one this database has lost.
                lost = f"{whom} saw {seen} entries of {log.origin}, the database has fewer: it was rolled back; restore it first"
                return Word(contradiction=lost if seen > entries() else None)
            if seen == old:
                return Word(contradiction=f"{whom} cosigned another root of {seen} entries of {log.origin}: keep both, call for a person")
            old = seen
    return Word()


def _post(client: httpx.Client, whom: Asked, body: bytes) -> _Answer | None:
    """None, logged, if there is no whole answer in time."""
    until, content = time.monotonic() + TIMEOUT_S, b""
    try:
        with client.stream("POST", f"{whom.url}/add-checkpoint", content=body, headers={"Accept-Encoding": "identity"}) as answer:
            for part in answer.iter_raw():
                content += part
                if len(content) > MAX_ANSWER_BYTES or time.monotonic() > until:
                    logger.error("%s gives an answer that is too long or takes too long", whom)
                    return None
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        logger.warning("%s does not answer: %s", whom, type(fault).__name__)
        return None
    return _Answer(answer.status_code, answer.headers.get("content-type", ""), content.decode("utf-8", "replace"))


def _size(text: str) -> int | None:
    digits = text.removesuffix("\n")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _good_lines(head: Checkpoint, whom: Asked, text: str) -> Sequence[str]:
    """Each line on its own: one bad line must not cost the good ones."""
    good, bare = [], checkpoints.body(head.origin, head.size, head.root) + "\n"
    for line in text.splitlines(keepends=True)[:_MOST_LINES]:
        try:
            if cosigned(replace(head, note=add_lines(bare, [line])), whom.keys):
                good.append(line)
        except (LogError, SignatureBad):
            logger.error("%s gave a cosignature that does not verify", whom)
    return good
