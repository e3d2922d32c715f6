"""Identifiers of thousands of licenses at once: `domain.identifier.serial` and `mint` over columns. Tests hold the two equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from license_hub.domain.identifier import ALPHABET, SERIAL_CHARS, STEPS, head
from license_hub.hashing import bytes_of, column_of

_FIRST = "001"
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
    heads = [head(type_code, one) for one in issuer_codes]
    product = np.array([one for one, _ in heads], np.int64)[issuers]
    for letters in bytes_of(pc.cast(pc.cast(serials, pa.binary()), pa.binary(SERIAL_CHARS))).T:
        product = _STEP[product, _VALUES[letters]]
    for letter in _FIRST:
        product = _STEP[product, _VALUES[ord(letter)]]
    begun = pa.array([f"{text}." for _, text in heads], pa.string()).take(pa.array(issuers))
    check = pa.array(list(ALPHABET)).take(pa.array((37 - product) % 36))
    return pc.binary_join_element_wise(begun, serials, pa.scalar(f".{_FIRST}."), check, "")
