"""`sm2_sign`: SM2 signatures a second of one core through our suite, against `openssl speed sm2`, the same library's own measure.

Both count CPU time of one thread, in turn, medians of 5. Ours signs through the whole suite: identity, SM3, DER to r ‖ s. A signature of
each turn is verified. `verify_ratio` is the same for verifying.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

from license_hub.signing.suites import suite

TURNS, SECONDS = 5, 1
DATA = bytes(600)
_SPEED = re.compile(r"^\+F\d+:\d+:\d+:CurveSM2:(?P<sign>[\d.]+):(?P<verify>[\d.]+)$", re.MULTILINE)


def run() -> dict:
    """The row of `make bench`. Raises RuntimeError if a signature does not verify or the `openssl` command is missing."""
    made = suite("SM2")
    handle = made.load(made.generate())
    ours, theirs = [], []
    for _ in range(TURNS):
        signature = handle.sign(DATA)
        if not made.verify(handle.public, DATA, signature):
            raise RuntimeError("a signature does not verify")
        theirs.append(speed())
        ours.append((rate(lambda: handle.sign(DATA)), rate(lambda one=signature: made.verify(handle.public, DATA, one))))
    sign, verify = (statistics.median(one[place] for one in ours) for place in (0, 1))
    their_sign, their_verify = (statistics.median(one[place] for one in theirs) for place in (0, 1))
    return {
        "bench": "sm2_sign",
        "value": round(sign, 1),
        "unit": "signatures/s of one core",
        "baseline": round(their_sign, 1),
        "ratio": round(sign / their_sign, 3),
        "verify": round(verify, 1),
        "verify_baseline": round(their_verify, 1),
        "verify_ratio": round(verify / their_verify, 3),
        "turns": TURNS,
    }


def rate(work: Callable[[], object]) -> float:
    """Calls a second of CPU time of this thread."""
    count, began = 0, time.thread_time()
    while (taken := time.thread_time() - began) < SECONDS:
        for _ in range(20):
            work()
        count += 20
    return count / taken


def speed() -> tuple[float, float]:
    """(signatures, verifications) a second of `openssl speed`, CPU time. Raises RuntimeError."""
    if shutil.which("openssl") is None:
        raise RuntimeError("the openssl command is missing: as root, apt-get install openssl")
    out = subprocess.run(["openssl", "speed", "-mr", "-seconds", str(SECONDS), "sm2"], capture_output=True, text=True, check=True).stdout
    found = _SPEED.search(out)
    if found is None:
        raise RuntimeError("openssl speed did not say what it measured")
    return float(found["sign"]), float(found["verify"])
