"""Two server processes over one database: what one commits, the other obeys. Keys change under load and nobody is refused wrongly."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from license_hub.errors import SignatureBad
from license_hub.log import checkpoint
from license_hub.log.note import NoteKey
from license_hub.service.change_key import compromise, rotate
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.service.issue_token import issue_token
from license_hub.service.register_client import disable, register
from license_hub.signing import manifest as manifests
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import company, credit_code, deliver, options, sample_hub, wall_clock, write_csv
from tests.license_hub.server import running
from tests.support import postgres

PUBLIC_URL = "http://hub.test"
ASKED = {"type": "business_license", "number": credit_code(2000), "holder_number": credit_code(2000)}


@dataclass
class Two:
    hub: Hub
    urls: tuple[str, str]
    folder: Path
    key: Key

    @property
    def organ(self) -> str:
        """The registrar's role."""
        return "organ/" + credit_code(2, "11")

    def client(self, name: str) -> str:
        return register(self.hub, name, self.key.jwk, ["license:verify"], ["business_license"]).client_id

    def form(self, client_id: str) -> dict[str, str]:
        return token_form(self.key.assertion(client_id, PUBLIC_URL, time.time()))

    def token(self, client_id: str) -> str:
        return issue_token(self.hub, self.form(client_id), audiences=[PUBLIC_URL]).access_token


@pytest.fixture(scope="module")
def two(tmp_path_factory, catalog, postgres_server) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    logs = [folder / name for name in ("first", "second")]
    for one in logs:
        one.mkdir()
    with postgres.database(postgres_server) as url:
        hub = sample_hub(folder, catalog, url, wall_clock, public_url=PUBLIC_URL)
        shared = options(folder, url)
        with running(shared, logs[0], HUB_PUBLIC_URL=PUBLIC_URL) as first, running(shared, logs[1], HUB_PUBLIC_URL=PUBLIC_URL) as second:
            yield Two(hub, (first.url, second.url), folder, Key())
        hub.close()


async def ask(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/v1/verifications", json=ASKED, headers={"Authorization": f"Bearer {token}"})


class Worker:
    """One connection to one worker."""

    def __init__(self, url: str):
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def close(self) -> None:
        self._connection.close()

    def status(self, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._connection.request("POST", "/v1/verifications", json.dumps(ASKED), headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def use(self, token: str, known: threading.Event) -> tuple[float, float]:
        """Ask until refused: when the last request that was answered was sent, and when its answer came."""
        sent = came = 0.0
        while True:
            start = time.perf_counter()
            status = self.status(token)
            if status != 200:
                assert status == 401 and known.is_set(), status
                return sent, came
            sent, came = start, time.perf_counter()
            known.set()


def kill(workers: list[Worker], token: str, act: Callable[[], object], pool: ThreadPoolExecutor) -> float:
    """Seconds from the act's commit (at the earliest: its start) to the last answer any worker gave to that token."""
    known = [threading.Event() for _ in workers]
    uses = [pool.submit(worker.use, token, event) for worker, event in zip(workers, known, strict=True)]
    assert all(one.wait(60) for one in known), "each worker has answered it before"
    began = time.perf_counter()
    act()
    committed = time.perf_counter()
    found = [one.result(60) for one in uses]
    assert max(sent for sent, _ in found) <= committed, "what is sent after the commit is refused, on every worker"
    return max(0.0, max(came for _, came in found) - began)


@pytest.fixture
def workers(two) -> Iterator[list[Worker]]:
    made = [Worker(one) for one in two.urls]
    yield made
    for one in made:
        one.close()


@pytest.mark.parametrize("count", [100, *(pytest.param(one, marks=pytest.mark.nightly) for one in (1_000, 10_000))])
def test_t4_disabled_client_is_dead_on_every_worker_at_the_commit(two, workers, count, record_property):
    found = []
    with ThreadPoolExecutor(2) as pool:
        for number in range(count):
            client_id = two.client(f"counter {number}")
            found.append(kill(workers, two.token(client_id), partial(disable, two.hub, client_id), pool))
    found.sort()
    assert len(found) == count
    figures = {"events": count, "max_s": round(found[-1], 4), "p99_s": round(found[int(count * 0.99) - 1], 4)}
    record_property("disabled_client", figures)
    print("disabled client, commit to last answer:", figures)


def test_t27_compromised_token_key_is_dead_on_every_worker_and_its_successor_serves(two, workers, record_property):
    found, client_id = [], two.client("counter")
    pool = ThreadPoolExecutor(2)
    for number in range(10):
        issuing, other = two.urls[number % 2], two.urls[1 - number % 2]
        token = httpx.post(f"{issuing}/oauth/token", data=two.form(client_id), timeout=60).json()["access_token"]
        answer = httpx.post(f"{other}/v1/verifications", json=ASKED, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.json()["code"] == "IN_FORCE", "a token of a key that this worker has not met yet"
        kid = two.hub.keyring.signer("token").kid
        found.append(kill(workers, token, partial(compromise, two.hub, kid, reason="test", operator="li"), pool))
        listed = [httpx.get(f"{url}/.well-known/jwks.json", timeout=60).json()["keys"] for url in two.urls]
        assert all(kid not in {key["kid"] for key in keys} for keys in listed)
    pool.shutdown()
    record_property("compromised_token_key", {"events": len(found), "max_s": round(max(found), 4)})
    print("compromised token key, commit to last answer:", round(max(found), 4), "s, max of", len(found))


@dataclass
class Load:
    """What callers met while keys changed."""

    verified: int = 0
    tokens: int = 0
    checkpoints: int = 0


async def call(two: Two, url: str, client_id: str, load: Load, until: asyncio.Event) -> None:
    """Verify without pause, a new token each 20 calls."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while not until.is_set():
            answer = await client.post("/oauth/token", data=two.form(client_id))
            assert answer.status_code == 200, answer.text
            load.tokens += 1
            for _ in range(20):
                found = await ask(client, answer.json()["access_token"])
                assert (found.status_code, found.json().get("code")) == (200, "IN_FORCE"), found.text
                load.verified += 1


async def watch(two: Two, url: str, load: Load, until: asyncio.Event) -> None:
    """An outsider who pins the root: every checkpoint is signed by a key of the manifest, fetched once more if it is unknown."""
    keys: tuple[NoteKey, ...] = ()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while not until.is_set():
            head = (await client.get("/log/checkpoint")).text
            try:
                checkpoint.verify(head, two.hub.origin, keys)
            except SignatureBad:
                note = (await client.get("/.well-known/hub-manifest")).text
                manifest = manifests.verify(note, two.hub.origin, two.hub.roots, wall_clock())
                found = [(one.alg, one.public) for one in manifest.keys if one.role == "checkpoint" and not one.compromised]
                keys = checkpoint.keys(two.hub.origin, found)
                checkpoint.verify(head, two.hub.origin, keys)
            load.checkpoints += 1
            await asyncio.sleep(0.01)


def change(two: Two, number: int) -> None:
    """One rotation (every fourth a compromise of the checkpoint key), then licenses sealed and logged with the new keys."""
    role = ("checkpoint", two.organ, "token", "checkpoint")[number % 4]
    if number % 4 == 3:
        compromise(two.hub, two.hub.keyring.signer(role).kid, reason="test", operator="li")
    else:
        rotate(two.hub, role, reason="test", operator="li")
    rows = [company(2000 + place) for place in range(20)] + [company(5000 + place) for place in range(number + 1)]
    deliver(two.hub, write_csv(two.folder / f"more-{time.time_ns()}.csv", rows))


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.nightly)])
def test_t27_keys_rotate_under_load_and_no_caller_is_refused(two, count, record_property):
    load, client_id = Load(), two.client("load")

    async def run() -> None:
        until = asyncio.Event()
        callers = [asyncio.create_task(call(two, url, client_id, load, until)) for url in two.urls]
        callers += [asyncio.create_task(watch(two, url, load, until)) for url in two.urls]
        with ThreadPoolExecutor(1) as pool:
            for number in range(count):
                await asyncio.get_running_loop().run_in_executor(pool, change, two, number)
        until.set()
        await asyncio.gather(*callers)

    asyncio.run(run())
    assert load.verified and load.tokens and load.checkpoints
    assert fsck(two.hub).findings == ()
    record_property("rotations_under_load", {"rotations": count, **vars(load), "refused": 0})
    print("rotations under load:", count, vars(load), "refused 0")
