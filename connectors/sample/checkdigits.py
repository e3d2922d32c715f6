"""Check characters, computed the sample's own way: the truth file must not lean on the code it is used to test.

Every function takes and returns ASCII byte matrices, one row a number, so that five million numbers cost numpy passes only.
Source: standards.md §2.1 (GB 11643), §2.2 (GB 32100, GB 11714), §6.2 (MOD 11,10 of permit numbers).
"""

from __future__ import annotations

import numpy as np

Bytes = np.ndarray
"""uint8 matrix of ASCII characters, shape (rows, width)."""

ZERO = ord("0")
CREDIT_ALPHABET = b"0123456789ABCDEFGHJKLMNPQRTUWXY"
_CITIZEN_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int16)
_CITIZEN_CHECKS = np.frombuffer(b"10X98765432", dtype=np.uint8)
_ORGAN_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int16)
_ORGAN_CHECKS = np.frombuffer(b"0X987654321", dtype=np.uint8)
_CREDIT_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28], dtype=np.int16)
_CREDIT_LETTERS = np.frombuffer(CREDIT_ALPHABET, dtype=np.uint8)


def _values(letters: bytes) -> np.ndarray:
    table = np.zeros(256, dtype=np.int16)
    table[np.frombuffer(letters, dtype=np.uint8)] = np.arange(len(letters))
    return table


_CREDIT_VALUES = _values(CREDIT_ALPHABET)
_ORGAN_VALUES = _values(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _sum(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sum column by column: no matrix wider than the input is made."""
    total = np.zeros(len(values), dtype=np.int32)
    for column, weight in enumerate(weights):
        total += values[:, column].astype(np.int32) * int(weight)
    return total


def citizen(body: Bytes) -> np.ndarray:
    """Check character of 17 digits (GB 11643, ISO 7064 MOD 11-2)."""
    return _CITIZEN_CHECKS[_sum(body - ZERO, _CITIZEN_WEIGHTS) % 11]


def organ(body: Bytes) -> np.ndarray:
    """Check character of the 8 characters of an organization code (GB 11714)."""
    return _ORGAN_CHECKS[_sum(_ORGAN_VALUES[body], _ORGAN_WEIGHTS) % 11]


def credit(body: Bytes) -> np.ndarray:
    """Check character of the 17 characters of a credit code (GB 32100, MOD 31)."""
    return _CREDIT_LETTERS[-_sum(_CREDIT_VALUES[body], _CREDIT_WEIGHTS) % 31]


def permit(body: Bytes) -> np.ndarray:
    """Check digit of a permit number's digits (GB/T 17710 MOD 11,10)."""
    product = np.full(len(body), 10, dtype=np.int16)
    for column in range(body.shape[1]):
        total = (product + body[:, column] - ZERO) % 10
        product = (np.where(total == 0, 10, total) * 2) % 11
    return ((11 - product) % 10 + ZERO).astype(np.uint8)
