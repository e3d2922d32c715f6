"""`hub serve` as a service manager would run it, and a calling system that counts every answer it gets."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from uuid import uuid4

import httpx
import psutil

from license_hub.service.register_client import register
from license_hub.settings import read
from tests.license_hub.caller import Key, token_form
from tests.license_hub.server import environment, free_ports
from tests.license_hub.service.publishing import credit_code
from tests.support.processes import stop

from .world import ROOT, World

PATIENCE_S = 90


class Service:
    """The server's processes. `keep` starts it again whenever it has ended: all that a service manager or `restart: always` does."""

    def __init__(self, world: World, workers: int = 2):
        o = world.options
        self.port, metrics, *_ = free_ports(1 + workers)
        self.url = f"http://127.0.0.1:{self.port}"
        chosen = read(environ={}, overrides={"HUB_LAKE": str(o.lake), "HUB_KEYS": str(o.keys), "HUB_DATABASE_URL": o.database_url})
        self._env = environment(chosen, self.port, metrics) | {"HUB_LOG_ORIGIN": o.log_origin, "HUB_LOG_LEVEL": "WARNING"}
        self._workers = workers
        self.log = world.folder / "serve.log"
        self.starts = 0
        self.process: subprocess.Popen | None = None

    def keep(self) -> None:
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, "-m", "license_hub.cli", "serve", "--workers", str(self._workers)]
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=log, stderr=log, start_new_session=True)
            self.starts += 1

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        try:
            children = psutil.Process(self.process.pid).children()
            return [one for one in children if "multiprocessing.spawn" in " ".join(one.cmdline())] or children
        except psutil.NoSuchProcess:
            return []

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, verify=False).status_code == 200
        except httpx.TransportError:
            return False

    def wait(self) -> float:
        """Seconds until it answers, restarted where it has ended; nobody does anything else."""
        began = time.monotonic()
        while not self.ready():
            self.keep()
            assert time.monotonic() - began < PATIENCE_S, self.log.read_text()[-3000:]
            time.sleep(0.05)
        return time.monotonic() - began

    def close(self) -> None:
        if self.process is not None:
            stop(self.process)


class Traffic:
    """One caller after the other on a thread. Every request has an id of its own; every answer is kept by it."""

    def __init__(self, world: World, service: Service, dice: Random):
        self._world, self._service, self._dice = world, service, dice
        self.key = Key()
        kinds = sorted(world.hub.catalog.license_types)
        self.client = register(world.hub, "calling system", self.key.jwk, ["license:verify", "license:read"], kinds).client_id
        self.answers: dict[str, tuple[str, int]] = {}
        """Request id → (what was asked, status) of every answer that arrived, but those that say it cannot answer."""
        self.wrong: list[tuple[int, str]] = []
        """(company, code) where the answer was one it could never have been."""
        self.unanswered = 0
        self.pause = 0.1
        self._audience = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")
        self._http = httpx.Client(base_url=service.url, timeout=60)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._stop.set()
        self._thread.join(120)
        self._http.close()

    def ask(self, what: str, method: str, path: str, **rest) -> httpx.Response | None:
        """The answer; None where none came or it was 503: that is no answer."""
        request_id = uuid4().hex
        headers = {**rest.pop("headers", {}), "X-Request-ID": request_id}
        try:
            answer = self._http.request(method, path, headers=headers, **rest)
        except httpx.TransportError:
            self.unanswered += 1
            return None
        if answer.status_code in (500, 502, 503, 504):
            self.unanswered += 1
            return None
        self.answers[request_id] = (what, answer.status_code)
        return answer

    def token(self) -> dict[str, str]:
        form = token_form(self.key.assertion(self.client, self._service.url, time.time()))
        answer = self.ask("token", "POST", "/oauth/token", data=form)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"} if answer and answer.status_code == 200 else {}

    def _run(self) -> None:
        bearer: dict[str, str] = {}
        while not self._stop.is_set():
            bearer = bearer or self.token()
            if not bearer:
                time.sleep(0.1)
                continue
            self._look(bearer)
            if self._dice.random() < 0.05:
                # Refusals are answers too.
                self.ask("refused", "GET", "/v1/licenses/x", headers={"Authorization": "Bearer x.y.z"})
                bearer = {}
            time.sleep(self.pause)

    def _look(self, bearer: dict[str, str]) -> None:
        known = len(self._settled)
        if not known:
            return
        number = self._settled[self._dice.randrange(known)]
        code = credit_code(number)
        asked = {"type": "business_license", "number": code, "holder_number": code, "purpose": "fault run"}
        answer = self.ask("verify", "POST", "/v1/verifications", headers=bearer, json=asked)
        if answer is not None and answer.status_code == 200 and answer.json()["code"] not in ("IN_FORCE", "REVOKED", "PROOF_PENDING"):
            self.wrong.append((number, answer.json()["code"]))

    _settled: list[int] = []

    def acknowledged(self, numbers: list[int]) -> None:
        """Companies whose licenses were reported as issued: from now on nobody may be told that they are not there."""
        self._settled = numbers


def unaudited(world: World, traffic: Traffic) -> list[tuple[str, tuple[str, int]]]:
    """Answers without an audit entry under their id."""
    import sqlalchemy as sa

    from license_hub.storage.tables import audit

    with world.hub.engine.connect() as connection:
        recorded = set(connection.execute(sa.select(audit.c.request_id)).scalars())
    return [(one, what) for one, what in traffic.answers.items() if one not in recorded]


@contextmanager
def serving(world: World, workers: int = 2) -> Iterator[Service]:
    made = Service(world, workers)
    try:
        made.keep()
        made.wait()
        yield made
    finally:
        made.close()


def kill_tree(process: subprocess.Popen) -> None:
    """SIGKILL to the server and its workers, as when its container or machine goes."""
    every = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in every:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            pass
    process.wait()


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:] if log.exists() else ""
