"""What a log sends a witness (C2SP tlog-witness, add-checkpoint): old size, consistency proof, checkpoint.

old <size>
<base64 hash>…            at most 63

<checkpoint>
"""

from __future__ import annotations

from collections.abc import Sequence

from license_hub.errors import NoteMalformed
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.note import decode, encode

MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
"""Content type of a 409: the body is the size the witness saw last."""


def request_body(old: int, proof: Sequence[bytes], checkpoint: str) -> bytes:
    lines = "".join(f"{encode(one)}\n" for one in proof)
    return f"old {old}\n{lines}\n{checkpoint}".encode()


def parse_request(body: bytes) -> tuple[int, tuple[bytes, ...], Checkpoint]:
    """(old size, proof, checkpoint), nothing verified. Raises NoteMalformed."""
    try:
        head, blank, text = body.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError:
        raise NoteMalformed("not UTF-8") from None
    first, *proof = head.split("\n")
    size = first.removeprefix("old ")
    if not blank or size == first:
        raise NoteMalformed("the first line is `old` and a size")
    if len(proof) > MAX_PROOF:
        raise NoteMalformed(f"more than {MAX_PROOF} proof lines")
    return checkpoints.count(size), tuple(decode(line) for line in proof), checkpoints.parse(text)
