"""Strict reading of compact JWS *before* any library looks at it.

Rules (RFC 8725; threats.md findings 1–3)
- three segments, base64url alphabet, no padding, canonical (re-encoding gives the same text);
- header and payload are JSON objects whose names occur once at every level;
- the header names no key and no extension: `jku jwk x5u x5c x5t x5t#S256 crit b64 zip` are refused;
- `typ` must be the one this place expects, `kid` must be there;
- the algorithm is the one our register holds for that `kid`, never the token's choice.
Nothing here checks a signature: that follows, with the key of that `kid`, and only then the claims count.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
REFUSED_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"})
MAX_TOKEN_CHARS = 4096


class JoseRefused(ValueError):
    """The token breaks a rule above; the message names the rule, never a value of the token."""


@dataclass(frozen=True)
class Token:
    """A well-formed token, its signature not yet checked."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    signing_input: bytes
    signature: bytes

    @property
    def kid(self) -> str:
        return str(self.header["kid"])


def precheck(text: str, *, types: frozenset[str], algorithms: Mapping[str, str] | None = None) -> Token:
    """The token's parts. `types` are the accepted `typ` (lower case); `algorithms` maps kid → its one algorithm.

    Raises JoseRefused.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise JoseRefused("token too long")
    segments = text.split(".")
    if len(segments) != 3:
        raise JoseRefused("not three segments")
    head, body, signature = (_decode(one) for one in segments)
    header, claims = _object(head), _object(body)
    _check_header(header, types)
    if algorithms is not None and algorithms.get(str(header["kid"])) != header.get("alg"):
        raise JoseRefused("unknown kid, or not the algorithm of that kid")
    return Token(header, claims, f"{segments[0]}.{segments[1]}".encode("ascii"), signature)


def _check_header(header: Mapping[str, object], types: frozenset[str]) -> None:
    refused = REFUSED_HEADERS & header.keys()
    if refused:
        raise JoseRefused(f"header carries {sorted(refused)[0]}")
    if not isinstance(header.get("typ"), str) or str(header["typ"]).lower().removeprefix("application/") not in types:
        raise JoseRefused("typ missing or of another kind of token")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise JoseRefused("kid missing")
    if not isinstance(header.get("alg"), str) or str(header["alg"]).lower() == "none" or str(header["alg"]).startswith("HS"):
        raise JoseRefused("alg missing or not asymmetric")


def _decode(segment: str) -> bytes:
    if not SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise JoseRefused("segment is not base64url")
    raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    # Unused low bits of the last character could be anything: one token, one spelling.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != segment:
        raise JoseRefused("segment is not canonical base64url")
    return raw


def _object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique_names, parse_constant=_refuse_constant)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as fault:
        raise JoseRefused("segment is not JSON") from fault
    if not isinstance(value, dict):
        raise JoseRefused("segment is not a JSON object")
    return value


def unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """`object_pairs_hook` that refuses a name given twice: two parsers may keep different ones (finding 3)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JoseRefused("a JSON name occurs twice")
    return found


def _refuse_constant(_name: str) -> object:
    raise JoseRefused("NaN and Infinity are not JSON")
