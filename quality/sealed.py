"""Links to the framed pages: Airflow's plugin seals one for a signed-in user of Airflow, the hub opens it for a minute.

A frame of another site carries no session cookie, so the link itself says who let its bearer in: HMAC-SHA256 under a key both sides share,
over path, parameters and expiry. It names no person, opens one read-only page, and is worth nothing a minute later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

LIFETIME_S, SKEW_S = 60, 30
"""How long a link opens its page, and by how much the two clocks may differ."""
UNTIL, SEAL = "until", "seal"


def read_key(path: Path) -> bytes:
    """The shared key: a file of at least 64 hex digits. Raises ValueError, OSError."""
    key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    if len(key) < 32:
        raise ValueError(f"{path} holds {len(key)} bytes: a key of framed pages has at least 32 (openssl rand -hex 32)")
    return key


def seal(key: bytes, path: str, parameters: Mapping[str, str], until: int) -> str:
    told = json.dumps([path, sorted(parameters.items()), until], ensure_ascii=True, separators=(",", ":"))
    return hmac.new(key, b"framed page\x00" + told.encode("ascii"), hashlib.sha256).hexdigest()


def address(key: bytes, path: str, parameters: Mapping[str, str], now: datetime) -> str:
    """Path and query that `opens` accepts until a minute after `now`."""
    until = int(now.timestamp()) + LIFETIME_S
    return f"{path}?{urlencode({**parameters, UNTIL: str(until), SEAL: seal(key, path, parameters, until)})}"


def opens(key: bytes, path: str, parameters: Mapping[str, str], now: datetime) -> bool:
    """Whether these parameters (seal and expiry among them) were sealed for this path with our key and are fresh."""
    given = dict(parameters)
    until, told = given.pop(UNTIL, ""), given.pop(SEAL, "")
    if not (key and until.isascii() and until.isdigit() and len(until) < 12 and told.isascii()):
        return False
    left = int(until) - now.timestamp()
    return -SKEW_S < left <= LIFETIME_S + SKEW_S and hmac.compare_digest(told, seal(key, path, given, int(until)))
