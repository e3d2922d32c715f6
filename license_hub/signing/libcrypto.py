"""The system's OpenSSL (libcrypto ≥ 3.0) through ctypes, for what the `cryptography` package does not have: SM2.

- Found when first used, so that a hub without SM2 starts without it.
- Every failed call ends in `clear`: Python's own `ssl` reads the same error queue and must not find ours in it.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ulong, c_void_p
from ctypes.util import find_library
from functools import cache

from license_hub.errors import SigningError

OLDEST = 0x30000000
_NAMES = ("libcrypto.so.3", "libcrypto.3.dylib")

_IN = POINTER(c_char_p)
_SIGNATURES = {
    "OpenSSL_version_num": (c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "EVP_sm3": (c_void_p, ()),
    "EVP_PKEY_new": (c_void_p, ()),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_Q_keygen": (c_void_p, (c_void_p, c_char_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new": (c_void_p, (c_void_p, c_void_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_size_t)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_MD_CTX_copy_ex": (c_int, (c_void_p, c_void_p)),
    "EVP_MD_CTX_set_pkey_ctx": (None, (c_void_p, c_void_p)),
    "EVP_DigestSignInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "d2i_AutoPrivateKey": (c_void_p, (c_void_p, _IN, c_long)),
    "d2i_PUBKEY": (c_void_p, (c_void_p, _IN, c_long)),
    "i2d_PUBKEY": (c_int, (c_void_p, c_void_p)),
    "i2d_PrivateKey": (c_int, (c_void_p, c_void_p)),
}


@cache
def library() -> ctypes.CDLL:
    """Raises SigningError where there is none, or one too old."""
    for name in (*_NAMES, find_library("crypto")):
        try:
            found = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if found is not None and hasattr(found, "EVP_PKEY_Q_keygen"):
            break
    else:
        raise SigningError("SM2 needs the system's OpenSSL, libcrypto 3.0 or later: install libssl3")
    for function, (result, arguments) in _SIGNATURES.items():
        call = getattr(found, function)
        call.restype, call.argtypes = result, arguments
    if found.OpenSSL_version_num() < OLDEST:
        raise SigningError("SM2 needs libcrypto 3.0 or later; the system's is older")
    return found


def clear() -> None:
    """Empties this thread's error queue."""
    library().ERR_clear_error()


class Owned:
    """A pointer that libcrypto allocated, given back with its last user."""

    def __init__(self, pointer: int | None, free: str):
        if not pointer:
            clear()
            raise SigningError("libcrypto refuses: not enough memory, or SM2 is not built in")
        self.pointer = pointer
        # Bound now: at interpreter exit module globals may be gone before this.
        self._free = getattr(library(), free)

    def __del__(self) -> None:
        free = getattr(self, "_free", None)
        if free is not None:
            free(self.pointer)


def read_key(function: str, der: bytes) -> Owned | None:
    """A key from DER by `d2i_…`; None if libcrypto refuses it or it is not SM2."""
    start = c_char_p(der)
    pointer = getattr(library(), function)(None, byref(start), len(der))
    if not pointer:
        clear()
        return None
    key = Owned(pointer, "EVP_PKEY_free")
    return key if library().EVP_PKEY_is_a(key.pointer, b"SM2") else None


def write_key(function: str, key: Owned) -> bytes:
    """DER of a key by `i2d_…`."""
    size = getattr(library(), function)(key.pointer, None)
    if size <= 0:
        clear()
        raise SigningError("libcrypto cannot write the key")
    buffer = ctypes.create_string_buffer(size)
    at = c_void_p(ctypes.addressof(buffer))
    getattr(library(), function)(key.pointer, byref(at))
    return buffer.raw
