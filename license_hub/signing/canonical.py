"""Canonical JSON (RFC 8785, JCS) for the values this project signs, and the strict reader of what others send.

- Values: strings, whole numbers within ±(2^53 − 1), true, false, null, lists and objects. No floats: their spelling is where
  implementations differ.
- Object names are sorted by UTF-16 code units, as RFC 8785 §3.2.3 demands; for names without characters beyond U+FFFF that is the
  order of code points, which is what the fast path uses.
- `parse` refuses doubled names, floats, NaN and anything that is not already in canonical form: one value, one spelling.
"""

from __future__ import annotations

import json
from typing import NoReturn

from license_hub.errors import NotCanonical

MAX_INTEGER = 2**53 - 1
"""Largest whole number that every JSON reader keeps exact."""

MAX_DEPTH = 32

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False, allow_nan=False).encode
_dumps_as_given = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=False, check_circular=False, allow_nan=False).encode


def jcs(value: object) -> bytes:
    """The one canonical spelling, UTF-8. Raises NotCanonical naming the path, never the value."""
    plain_names = _check(value, "$", 0)
    text = _dumps(value) if plain_names else _dumps_as_given(_sorted(value))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("a string holds half of a surrogate pair: clean it before it is signed") from None


def parse(data: bytes) -> object:
    """The value of canonical JSON. Raises NotCanonical if `data` is anything but `jcs(value)`."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise NotCanonical("not JSON of the kind that is signed here") from None
    if jcs(value) != data:
        raise NotCanonical("JSON, but not in canonical form (RFC 8785)")
    return value


def _check(value: object, path: str, depth: int) -> bool:
    """True when every object name stays below U+10000."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise NotCanonical(f"{path}: whole number beyond 2^53 − 1")
        return True
    if depth >= MAX_DEPTH:
        raise NotCanonical(f"{path}: nested deeper than {MAX_DEPTH}")
    if kind is dict:
        plain = True
        for name, item in value.items():
            if type(name) is not str:
                raise NotCanonical(f"{path}: an object name is not text")
            if type(item) is not str:
                plain &= _check(item, f"{path}.{name}", depth + 1)
            plain &= name.isascii() or max(name) < "\U00010000"
        return plain
    if kind is list:
        # A list, not a generator: `all` would stop at the first False and leave the rest unchecked.
        return all([_check(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(value)])
    raise NotCanonical(f"{path}: {kind.__name__} has no canonical form here")


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value, key=_utf16)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("an object name occurs twice")
    return found


def _refuse(_text: str) -> NoReturn:
    raise NotCanonical("a number that is not whole")
