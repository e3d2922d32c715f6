"""`proof_check`, `proof_check_body`: one license's proof in a log of a million against one Ed25519 verification.

- `proof_check`: leaf hash and inclusion path against the root of a checkpoint whose signature was checked before, as verification does it.
- `proof_check_body`: the same from the license's body: JSON of ten fields read and held against its canonical form, their salts and
  digests, the commitment, the leaf; then hash and path.
- The baseline is what would be done without a log: the signature over the same leaf, by a key that is already loaded.
One process, one thread, CPU time; the three are interleaved, medians of seven. Every check is one that must succeed, and does.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_hub.log.proof import inclusion_proof, root_at
from license_hub.log.tiles import TileMap, build
from license_hub.log.tree import inclusion, leaf_hash
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.commitment import commit, leaf

SIZE = 1_000_000
SAMPLES = 2_000
REPEATS = 7
AT = "2026-11-21T08:00:00Z"
LEAF_ID = "90919293949596979899" + "9" * 12
SECRET = bytes(range(32))


@dataclass(frozen=True)
class Proved:
    """One license and its place in the log."""

    body: bytes
    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    signature: bytes


def run(body: bool, size: int = SIZE, samples: int = SAMPLES) -> dict:
    """Goals: ratio ≥ 5 from the leaf, ≥ 2 from the body."""
    key = Ed25519PrivateKey.generate()
    licenses, root = make(key, size, samples)
    verify = key.public_key().verify

    def by_proof() -> bool:
        return all([inclusion(leaf_hash(one.leaf), one.index, size, one.path, root) for one in licenses])

    def by_body() -> bool:
        return all([inclusion(leaf_hash(made(parse(one.body))), one.index, size, one.path, root) for one in licenses])

    def by_signature() -> bool:
        # `verify` raises where it does not hold, and gives None.
        return all([verify(one.signature, one.leaf) is None for one in licenses])

    ours, theirs = interleaved(by_body if body else by_proof, by_signature)
    return {
        "bench": "proof_check_body" if body else "proof_check",
        "value": round(samples / ours),
        "unit": "checks/cpu_s",
        "baseline": round(samples / theirs),
        "ratio": round(theirs / ours, 2),
        "detail": {"size": size, "path": len(licenses[0].path), "fields": 10, "samples": samples, "repeats": REPEATS},
    }


def make(key: Ed25519PrivateKey, size: int, samples: int) -> tuple[list[Proved], bytes]:
    """Licenses spread over a log of `size`, and the log's root; the other leaves are fillers."""
    every = size // samples
    chosen = {place * every + every // 2: fields_of(place) for place in range(samples)}
    hashes = [leaf_hash(made(chosen[at])) if at in chosen else hashlib.sha256(at.to_bytes(8, "big")).digest() for at in range(size)]
    tiles = TileMap(build(hashes))
    found = []
    for index, fields in chosen.items():
        content = made(fields)
        found.append(Proved(jcs(fields), content, index, tuple(inclusion_proof(tiles, index, size)), key.sign(content)))
    return found, root_at(tiles, size)


def made(fields: dict[str, str]) -> bytes:
    """The leaf of a license: salts, digests, commitment."""
    return leaf("issue", LEAF_ID, AT, commit(SECRET, fields), status="IN_FORCE")


def fields_of(place: int) -> dict[str, str]:
    """Ten fields of a license as the hub commits to them."""
    return {
        "ZZBS": f"1.2.156.3005.2.11100000MB03271699001.11990000GA0000011U.{place:025d}.001.7",
        "ZZMC": "营业执照",
        "ZZBH": f"91990101{place:010d}",
        "ZZBFJG": "样例市市场监督管理局",
        "ZZBFJGDM": "11990000GA0000011U",
        "ZZBFRQ": "2026-01-05",
        "CZZT": f"样例第{place}号贸易有限公司",
        "CZZTDM": f"91990101{place:010d}",
        "KZ_住所": f"样例省样例市样例路{place}号",
        "KZ_经营范围": "日用百货销售",
    }


def interleaved(ours: Callable[[], bool], theirs: Callable[[], bool]) -> tuple[float, float]:
    """Median CPU seconds of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(REPEATS):
        for check, into in zip((ours, theirs), taken, strict=True):
            began = time.process_time()
            good = check()
            into.append(time.process_time() - began)
            if not good:
                raise AssertionError("a proof that must hold does not")
    return statistics.median(taken[0]), statistics.median(taken[1])
