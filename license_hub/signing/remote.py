"""Private keys behind a sign service (签名服务器): `POST <url>` with JSON, one signature an answer.

    → {"key": name, "alg": "SM2", "data": base64}        ← 200 {"signature": base64}

- https only, but for a service on this host's loopback; no redirects, no proxies of the environment, answers of at most 64 KiB.
- The service knows the hub by its client certificate, by a bearer token, or by both; the hub knows the service by `ca_file`.
- Tried again, with growing pauses: no connection, no answer in time, 429, 502, 503, 504. Anything else is final. Signing twice is
  harmless: a signature that did not arrive binds nobody.
- Errors name the service's host and the status, never what was to be signed.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from license_hub.errors import KeyFault, SignerUnavailable, SigningError
from license_hub.signing import sm2
from license_hub.signing.es256 import low

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TRANSIENT = (429, 502, 503, 504)
MAX_ANSWER_BYTES = 64 * 1024
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2


@dataclass(frozen=True)
class Service:
    """Where the service is and how both sides know each other."""

    url: str
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    bearer: Callable[[], str] | None
    timeout_s: int
    attempts: int

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.username or parts.password or parts.fragment or not parts.hostname:
            raise KeyFault("a sign service's url has a host and no user, password or fragment")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise KeyFault(f"sign service {parts.hostname}: https, or http on this host's loopback only")

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def client(self) -> httpx.Client:
        """Raises KeyFault if a certificate file cannot be used."""
        verify: ssl.SSLContext | bool = True
        if urlsplit(self.url).scheme == "https":
            try:
                verify = ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
                verify.minimum_version = ssl.TLSVersion.TLSv1_2
                if self.cert_file is not None:
                    verify.load_cert_chain(self.cert_file, self.key_file)
            except (OSError, ssl.SSLError) as fault:
                raise KeyFault(f"sign service {self.host}: certificate files cannot be used ({type(fault).__name__})") from None
        return httpx.Client(verify=verify, timeout=self.timeout_s, follow_redirects=False, trust_env=False)


class RemoteKey:
    """One key of a sign service. Any number of threads may use it; a forked child connects anew."""

    def __init__(self, service: Service, name: str, alg: str, *, der: bool):
        self._service = service
        self._name = name
        self._alg = alg
        self._der = der
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._pid = 0

    def sign(self, data: bytes) -> bytes:
        """Raw signature of the suite. Raises SigningError, SignerUnavailable."""
        tries = Retrying(
            stop=stop_after_attempt(self._service.attempts),
            wait=wait_random_exponential(_PAUSE_S, _LONGEST_PAUSE_S),
            retry=retry_if_exception_type(SignerUnavailable),
            reraise=True,
        )
        return self._raw(tries(self._ask, data))

    def __str__(self) -> str:
        return f"sign service {self._service.host}, key {self._name!r}"

    def _ask(self, data: bytes) -> bytes:
        body = {"key": self._name, "alg": self._alg, "data": base64.b64encode(data).decode("ascii")}
        headers = {"Accept-Encoding": "identity"}
        if self._service.bearer is not None:
            headers["Authorization"] = f"Bearer {self._service.bearer()}"
        try:
            with self._connected().stream("POST", self._service.url, json=body, headers=headers) as answer:
                content = _limited(answer, time.monotonic() + self._service.timeout_s)
        except httpx.TransportError as fault:
            raise SignerUnavailable(f"{self}: {type(fault).__name__}") from None
        if answer.status_code in TRANSIENT:
            raise SignerUnavailable(f"{self}: answered {answer.status_code}")
        if answer.status_code != 200:
            raise SigningError(f"{self}: answered {answer.status_code}; see that this hub may use the key")
        try:
            return base64.b64decode(json.loads(content)["signature"], validate=True)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SigningError(f"{self}: the answer is not of its format") from None

    def _raw(self, signature: bytes) -> bytes:
        if self._der:
            signature = sm2.from_der(signature)
        return low(signature) if self._alg == "ES256" else signature

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client, self._pid = self._service.client(), os.getpid()
                weakref.finalize(self, self._client.close)
            return self._client


def _limited(answer: httpx.Response, until: float) -> bytes:
    """The body, refused once it is too long or dribbles in. Raises SigningError."""
    content = b""
    for part in answer.iter_raw():
        if time.monotonic() > until:
            raise SignerUnavailable("a sign service's answer took too long")
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise SigningError("a sign service's answer is too long")
    return content
