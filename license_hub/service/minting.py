"""Identifiers of thousands of licenses at once: `domain.identifier.serial`, `mint` and `parse` over columns. Tests hold the two equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from license_hub.domain.identifier import ALPHABET, ROOT_OID, SERIAL_CHARS, STEPS, head
from license_hub.hashing import bytes_of, column_of

_FIRST = "001"
_FORM = rf"^{ROOT_OID.replace('.', '[.]')}[.][0-9A-Z]{{21}}[.][0-9A-Z]{{18}}[.][0-9A-Z]{{{SERIAL_CHARS}}}[.][0-9]{{3}}[.][0-9A-Z]$"
_PLACES = {"type_code": (15, 36), "issuer_code": (37, 55), "serial": (56, 81), "version": (82, 85)}
"""Where the parts of such an identifier stand."""
_GROUP = 36**3
_DIGITS = np.frombuffer(ALPHABET.encode("ascii"), np.uint8)
_VALUES = np.zeros(256, np.int64)
_VALUES[_DIGITS] = np.arange(36)
_STEP = np.array([[steps[letter] for letter in ALPHABET] for steps in STEPS], np.int64)


def serials(random: np.ndarray) -> pa.StringArray:
    """25 characters of base 36 for each row of 16 random bytes (uint8 matrix, n × 16)."""
    limbs = list(random.view(">u2").astype(np.uint32).T)
    groups = []
    for _ in range(SERIAL_CHARS // 3 + 1):
        rest = np.zeros(len(random), np.uint32)
        for place, limb in enumerate(limbs):
            rest, limbs[place] = (rest << 16 | limb) % _GROUP, (rest << 16 | limb) // _GROUP
        groups.append(rest)
    digits = [group // 36**power % 36 for group in groups for power in range(3)][:SERIAL_CHARS]
    letters = np.ascontiguousarray(_DIGITS[np.column_stack(digits[::-1])])
    return pc.cast(pc.cast(column_of(letters, SERIAL_CHARS), pa.binary()), pa.string())


def first_identifiers(type_code: str, issuer_codes: Sequence[str], issuers: np.ndarray, serials: pa.StringArray) -> pa.StringArray:
    """Identifiers of version 001, one a serial; `issuers` are places in `issuer_codes`. Raises ValueError for a wrong code."""
    return _minted([head(type_code, one) for one in issuer_codes], issuers, serials, pa.repeat(_FIRST, len(serials)))


def parts_each(identifiers: pa.StringArray) -> tuple[pa.Table, np.ndarray]:
    """(`parse` of each: `issuer_code, serial, version`; where they hold). It holds for nothing but a serial of SERIAL_CHARS, as we mint."""
    parts = {name: pc.utf8_slice_codeunits(identifiers, start, stop) for name, (start, stop) in _PLACES.items()}
    formed = pc.match_substring_regex(identifiers, _FORM).to_numpy(zero_copy_only=False)
    kinds = pc.dictionary_encode(pc.binary_join_element_wise(parts["type_code"], parts["issuer_code"], " "))
    heads = [_head(*one.split(" ", 1)) for one in kinds.dictionary.to_pylist()]
    which = kinds.indices.to_numpy()
    good = formed & np.array([one is not None for one in heads], bool)[which]
    begun, serial, version = [one or (0, "") for one in heads], parts["serial"], parts["version"]
    if not good.all():
        stand = pa.array(good)
        serial, version = pc.if_else(stand, serial, "0" * SERIAL_CHARS), pc.if_else(stand, version, _FIRST)
    good &= pc.equal(_minted(begun, which, serial, version), identifiers).to_numpy(zero_copy_only=False)
    return pa.table({name: parts[name] for name in ("issuer_code", "serial", "version")}), good


def _minted(heads: Sequence[tuple[int, str]], which: np.ndarray, serials: pa.StringArray, versions: pa.StringArray) -> pa.StringArray:
    """`which`: each one's place in `heads`."""
    product = np.array([one for one, _ in heads], np.int64)[which]
    for column, width in ((serials, SERIAL_CHARS), (versions, len(_FIRST))):
        for letters in bytes_of(pc.cast(pc.cast(column, pa.binary()), pa.binary(width))).T:
            product = _STEP[product, _VALUES[letters]]
    begun = pa.array([f"{text}." for _, text in heads], pa.string()).take(pa.array(which))
    check = pa.array(list(ALPHABET)).take(pa.array((37 - product) % 36))
    return pc.binary_join_element_wise(begun, serials, ".", versions, ".", check, "")


def _head(type_code: str, issuer_code: str) -> tuple[int, str] | None:
    try:
        return head(type_code, issuer_code)
    except ValueError:
        return None
