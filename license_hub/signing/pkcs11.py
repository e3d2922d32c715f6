"""Private keys in a PKCS#11 token (smart card, HSM, SoftHSM): they sign there and cannot leave it.

- Login belongs to the process and the token, so there is one session for each token; its operations take turns.
- A session that died (token pulled and back, module restarted, somebody logged out) is opened again once, then the call fails.
- A PIN that was refused is not tried again in this process: three tries lock many tokens for good.
- A forked child starts the module anew, as PKCS#11 §5.4 asks.

Mechanisms: Ed25519 = CKM_EDDSA; ES256 = CKM_ECDSA over SHA-256 made here (every token has it), s lowered like everywhere here.
Source: OASIS PKCS#11 v3.0; python-pkcs11 0.10.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from functools import cache

from license_hub.errors import KeyFault, SignerUnavailable
from license_hub.signing.es256 import low

ALGORITHMS = ("Ed25519", "ES256")


class TokenKey:
    """One private key, found by its label each time its token's session is opened."""

    def __init__(self, alg: str, module: str, token: str, label: str, pin: Callable[[], str]):
        self.alg = alg
        self._session = _session(module, token)
        self._label = label
        self._pin = pin

    def sign(self, data: bytes) -> bytes:
        """Raw signature of the suite. Raises SignerUnavailable, KeyFault."""
        if self.alg == "ES256":
            return low(self._session.sign(self._label, self._pin, "ECDSA", hashlib.sha256(data).digest()))
        return self._session.sign(self._label, self._pin, "EDDSA", data)

    def __str__(self) -> str:
        return f"key {self._label!r} in {self._session}"


class _Session:
    """The login of this process at one token, and the keys found through it."""

    def __init__(self, module: str, token: str):
        self._module, self._token = module, token
        self._lock = threading.RLock()
        self._open = None
        self._keys: dict[str, object] = {}
        self._pid = os.getpid()
        self._refused = False

    def __str__(self) -> str:
        return f"PKCS#11 token {self._token!r}"

    def sign(self, label: str, pin: Callable[[], str], mechanism: str, data: bytes) -> bytes:
        import pkcs11

        # Faults of a session or of handles that belonged to it; anything else a second try would not mend.
        lost = (
            pkcs11.SessionHandleInvalid,
            pkcs11.SessionClosed,
            pkcs11.UserNotLoggedIn,
            pkcs11.KeyHandleInvalid,
            pkcs11.ObjectHandleInvalid,
            pkcs11.DeviceRemoved,
            pkcs11.DeviceError,
            pkcs11.TokenNotPresent,
            pkcs11.OperationNotInitialized,
        )
        with self._lock:
            try:
                try:
                    return bytes(self._key(label, pin).sign(data, mechanism=pkcs11.Mechanism[mechanism]))
                except lost:
                    self._forget()
                    return bytes(self._key(label, pin).sign(data, mechanism=pkcs11.Mechanism[mechanism]))
            except pkcs11.PKCS11Error as fault:
                self._forget()
                raise SignerUnavailable(f"{self}: {type(fault).__name__}; see that the token is there and its key may sign") from None

    def _key(self, label: str, pin: Callable[[], str]) -> object:
        import pkcs11

        if self._pid != os.getpid():
            self._restart(pkcs11.lib(self._module))
        if self._open is None:
            self._open = self._login(pin)
        if label not in self._keys:
            try:
                self._keys[label] = self._open.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=label)
            except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
                raise KeyFault(f"{self}: not exactly one private key {label!r}") from None
        return self._keys[label]

    def _login(self, pin: Callable[[], str]) -> object:
        import pkcs11

        if self._refused:
            raise KeyFault(f"{self}: the PIN was refused and is not tried again; correct pin_file, then restart")
        try:
            token = pkcs11.lib(self._module).get_token(token_label=self._token)
        except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned):
            raise KeyFault(f"{self}: not exactly one token of that label behind {self._module}") from None
        try:
            return token.open(user_pin=pin())
        except pkcs11.UserAlreadyLoggedIn:
            return token.open()
        except (pkcs11.PinIncorrect, pkcs11.PinLocked, pkcs11.PinExpired, pkcs11.PinInvalid, pkcs11.PinLenRange) as fault:
            self._refused = True
            raise KeyFault(f"{self}: {type(fault).__name__}; correct pin_file, then restart") from None

    def _restart(self, module: object) -> None:
        """In a forked child: the parent's session is not ours."""
        self._open, self._keys, self._pid = None, {}, os.getpid()
        module.reinitialize()

    def _forget(self) -> None:
        import pkcs11

        session, self._open, self._keys = self._open, None, {}
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error:
                # It is dead, which is why it goes.
                return


@cache
def _session(module: str, token: str) -> _Session:
    return _Session(module, token)
