"""Calls to a hub: tokens as they are needed, every call with its proof (RFC 9449), retries that do nothing twice.

- A token is bound to the client's key and asked for again a little before its end, or when the hub no longer takes it.
- No answer, 429, 502, 503 and 504 are tried again, after what the hub says or ever longer; calls with an effect carry the same
  Idempotency-Key each time. A scanned code counts once, so a scan is not tried again.
- What is refused is raised as a `HubProblem`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from urllib.parse import quote
from uuid import uuid4

import httpx

from license_hub.client.key import Key
from license_hub.client.offline import Checker
from license_hub.client.problems import Unreachable, problem, wait_of
from license_hub.signing.bundle import Report

ATTEMPTS = 4
LONGEST_WAIT_S = 30.0
FIRST_WAIT_S = 0.5
TIMEOUT_S = 30.0
AGAIN = frozenset({429, 502, 503, 504})
EARLY_S = 30
"""A token is renewed that long before its end."""
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Json = dict[str, object]


class HubClient:
    """One client of one hub; `root` is the hub's root key as it publishes it, pinned by whoever checks bundles. Use it in one thread."""

    def __init__(
        self, url: str, client_id: str, key: Key, *, root: str = "", http: httpx.Client | None = None,
        clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep,
    ):  # fmt: skip
        self.url = url.rstrip("/")
        self.client_id = client_id
        self._key = key
        self._http = http or httpx.Client(timeout=TIMEOUT_S)
        self._clock = clock
        self._sleep = sleep
        self._checker = Checker(root) if root else None
        self._token, self._scheme, self._until = "", "", 0.0

    def __enter__(self) -> HubClient:
        return self

    def __exit__(self, _kind: type | None, _fault: BaseException | None, _trace: TracebackType | None) -> None:
        self._http.close()

    def verify(self, identifier: str = "", **asked: object) -> Json:
        """The verdict on a license: by `identifier`, or by `type`, `number` and `holder_number`; `claims` are compared."""
        return self._json("POST", "/v1/verifications", json=asked | ({"identifier": identifier} if identifier else {}))

    def open_case(self, *, idempotency_key: str = "", **opening: object) -> Json:
        """`case_no, matter, applicants, operator, window, received_in, handled_in` (POST /v1/cases)."""
        return self._json("POST", "/v1/cases", json=opening, headers=_once(idempotency_key))

    def close_case(self, case_id: int, result: str = "done", *, idempotency_key: str = "") -> Json:
        """`done` 办结 or `returned` 退件."""
        return self._json("POST", f"/v1/cases/{case_id}/close", json={"result": result}, headers=_once(idempotency_key))

    def decide(self, case_id: int, operator: str = "") -> Json:
        """What need not be handed in, per material, with receipts."""
        return self._json("POST", f"/v1/cases/{case_id}/decision", json={"operator": operator} if operator else {})

    def receipt(self, case_id: int, receipt_id: str, *, wait: bool = False) -> Json:
        """A receipt with its proof; `wait` until a checkpoint covers it."""
        return self._json("GET", f"/v1/cases/{case_id}/receipts/{receipt_id}", params={"wait": "proof"} if wait else {})

    def prefill(self, case_id: int, operator: str = "") -> Json:
        """Values for the matter's form, with source, date and confidence."""
        return self._json("POST", f"/v1/cases/{case_id}/prefill", json={"operator": operator} if operator else {})

    def ask_holder(self, *, idempotency_key: str = "", **asked: object) -> Json:
        """Ask for, record or redeem the holder's word (POST /v1/authorizations)."""
        return self._json("POST", "/v1/authorizations", json=asked, headers=_once(idempotency_key))

    def scan(self, code: str, purpose: str = "", case_no: str = "") -> Json:
        """A code the holder shows. Once: where no answer came, ask the holder for a fresh code."""
        told = {"purpose": purpose, "case_no": case_no} if case_no else {}
        return self._call("POST", "/v1/presentations/scan", attempts=1, json={"code": code} | told).json()

    def license(self, identifier: str, purpose: str, case_no: str) -> Json:
        """A license's masked fields, on an open case."""
        return self._json("GET", f"/v1/licenses/{quote(identifier)}", headers=_why(purpose, case_no))

    def bundle(self, identifier: str, purpose: str, case_no: str, show: Sequence[str] | None = None) -> bytes:
        """The license with its proofs, every field or those of `show`, on an open case."""
        wanted = {"params": {"show": list(show)}} if show is not None else {}
        return self._call("GET", f"/v1/licenses/{quote(identifier)}/bundle", headers=_why(purpose, case_no), **wanted).content

    def copy(self, identifier: str, purpose: str, case_no: str, days: int = 30) -> Json:
        """A signed PDF 加注件; `url` is good for one download within ten minutes."""
        asked = {"purpose": purpose, "case_no": case_no, "days": days}
        return self._json("POST", f"/v1/licenses/{quote(identifier)}/copies", json=asked)

    def check(self, bundle: bytes) -> Report:
        """The bundle by the pinned root key alone: the hub's key manifest is asked for once and believed only if the root signed it; so
        with a status list. Raises ValueError without a root, SignatureBad, BundleMalformed.
        """
        if self._checker is None:
            raise ValueError("root: give the hub's root key, from elsewhere than the hub, to check bundles")
        return self._checker.check(bundle, datetime.fromtimestamp(self._clock(), UTC), self._public)

    def _public(self, url: str) -> str | None:
        """Text anybody may have, of this hub alone; None where it gives none."""
        path = url.removeprefix(self.url)
        if not path.startswith("/"):
            return None
        answer = self._sent("GET", path, ATTEMPTS, dict)
        return answer.text if answer.is_success else None

    def _json(self, method: str, path: str, **rest: object) -> Json:
        return self._call(method, path, **rest).json()

    def _call(
        self, method: str, path: str, *, attempts: int = ATTEMPTS, headers: Mapping[str, str] | None = None, **rest: object
    ) -> httpx.Response:
        """Raises HubProblem, Unreachable."""
        given = dict(headers or {})
        answer = self._sent(method, path, attempts, lambda: given | self._bearer(method, path), **rest)
        if answer.status_code == 401 and self._token:
            # Its key, or what it was granted, has changed: once with a new one.
            self._token = ""
            answer = self._sent(method, path, attempts, lambda: given | self._bearer(method, path), **rest)
        if answer.is_error:
            raise problem(answer)
        return answer

    def _sent(self, method: str, path: str, attempts: int, fresh: Callable[[], dict[str, str]], **rest: object) -> httpx.Response:
        """The last answer of so many attempts; `fresh` makes the headers of each, or (a token request) its form too. Raises Unreachable."""
        pause = FIRST_WAIT_S
        for left in reversed(range(attempts)):
            answer = None
            try:
                answer = self._http.request(method, self.url + path, headers=fresh(), **rest)
            except httpx.TransportError as fault:
                if not left:
                    raise Unreachable(f"{method}: {type(fault).__name__}, in {attempts} attempts") from None
            said = wait_of(answer) if answer is not None else None
            if answer is not None and (answer.status_code not in AGAIN or not left or (said or 0) > LONGEST_WAIT_S):
                return answer
            self._sleep(said if said is not None else pause)
            pause = min(pause * 2, LONGEST_WAIT_S)
        raise ValueError("attempts: at least one")

    def _bearer(self, method: str, path: str) -> dict[str, str]:
        if not self._token or self._clock() > self._until - EARLY_S:
            self._renew()
        proof = {"DPoP": self._key.proof(method, self.url + path, self._clock(), self._token)} if self._scheme == "DPoP" else {}
        return {"Authorization": f"{self._scheme} {self._token}"} | proof

    def _renew(self) -> None:
        """Raises TokenRefused, RateLimited, Unavailable, Unreachable."""
        form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}

        def fresh() -> dict[str, str]:
            # An assertion counts once, like a proof: each attempt has its own.
            form["client_assertion"] = self._key.assertion(self.client_id, self.url, self._clock())
            return {"DPoP": self._key.proof("POST", f"{self.url}/oauth/token", self._clock())}

        answer = self._sent("POST", "/oauth/token", ATTEMPTS, fresh, data=form)
        if answer.is_error:
            raise problem(answer)
        told = answer.json()
        self._token, self._scheme, self._until = told["access_token"], told["token_type"], self._clock() + told["expires_in"]


def _once(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key or uuid4().hex}


def _why(purpose: str, case_no: str) -> dict[str, str]:
    return {"Hub-Purpose": quote(purpose), "Hub-Case-No": quote(case_no)}
