"""Passwords of local accounts: what one must be, and Argon2id (RFC 9106 §4, second choice: 64 MiB, 3 passes, 4 lanes).

Hashing is the dearest thing a stranger can ask of us: no more than AT_ONCE at a time, so that a crowd of them costs neither memory nor
the pages of those who are in.
"""

from __future__ import annotations

import threading
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from license_hub.errors import AccountRefused

SHORTEST, LONGEST = 12, 128
"""Characters. Length and not kinds of characters: NIST SP 800-63B-4 §3.1.1.2."""
AT_ONCE = 2
WAIT_S = 8.0

_seats = threading.BoundedSemaphore(AT_ONCE)


class Crowded(Exception):
    """So many passwords are being looked at that this one's turn did not come."""


@cache
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(),))


@cache
def _nobody() -> str:
    """Compared with where there is no such account, so that it takes as long."""
    return _hasher().hash("nobody's password")


def hashed(password: str, *, account: str) -> str:
    """PHC string. Raises AccountRefused for a password that is too short, too long, or the account's own name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountRefused(f"password: {SHORTEST} to {LONGEST} characters")
    if password.casefold().strip() in {account.casefold(), account.casefold()[::-1]} or len(set(password)) < 5:
        raise AccountRefused("password: too easy to guess")
    return _hasher().hash(password)


def agrees(password: str, stored: str | None) -> tuple[bool, str | None]:
    """(whether it is the password, the hash to store from now on if the parameters have changed). Raises Crowded."""
    if not _seats.acquire(timeout=WAIT_S):
        raise Crowded
    try:
        if stored is None or len(password) > LONGEST:
            _hasher().verify("x", _nobody())
            return False, None
        return _hasher().verify_and_update(password, stored)
    finally:
        _seats.release()
