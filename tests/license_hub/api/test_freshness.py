"""Two worker processes, each having answered VALID before: after a revocation is committed no request gets VALID from either."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx
import pytest

from license_hub.domain.lifecycle import Act, Reason
from license_hub.service.change_status import change_status
from license_hub.service.hub import Hub, open_hub
from license_hub.service.register_client import register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import company, credit_code, deliver, identifiers, options, wall_clock, write_csv
from tests.license_hub.server import Server, running

LANES = 4
"""Licenses revoked at the same time."""
WORKERS = 2
ORGAN = credit_code(2, "11")


@dataclass
class Watch:
    """What both workers said of one license around its revocation."""

    latest_valid: float = 0.0
    committed: float | None = None
    """When the commit was acknowledged."""
    stale: int = 0
    """VALID to a request that was sent after that."""

    @property
    def seconds(self) -> float:
        return max(0.0, self.latest_valid - (self.committed or 0.0))


async def clients_of_each_worker(server: Server, headers: dict[str, str]) -> list[httpx.AsyncClient]:
    """One kept connection to each worker process, told apart by the pid in the answer's header."""
    found: dict[str, httpx.AsyncClient] = {}
    for _ in range(200):
        one = httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60, limits=httpx.Limits(max_connections=1))
        pid = (await one.get("/healthz")).headers["hub-worker"]
        if pid in found:
            await one.aclose()
        found.setdefault(pid, one)
        if len(found) == WORKERS:
            return list(found.values())
    raise AssertionError(f"{len(found)} worker(s) answered")


async def verdict(client: httpx.AsyncClient, identifier: str) -> str:
    answer = await client.post("/v1/verifications", json={"identifier": identifier})
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


async def watch_until_invalid(client: httpx.AsyncClient, identifier: str, watch: Watch) -> None:
    while True:
        sent = time.monotonic()
        known = watch.committed
        said = await verdict(client, identifier)
        if said != "VALID":
            assert said == "INVALID"
            return
        watch.latest_valid = max(watch.latest_valid, time.monotonic())
        watch.stale += known is not None and sent > known


async def revoke(hub: Hub, identifier: str, watch: Watch) -> None:
    def commit() -> float:
        change_status(hub, Act.REVOKE, "样1号", date(2026, 11, 20), ORGAN, Reason.PENALTY, identifier=identifier, actor="test")
        return time.monotonic()

    watch.committed = await asyncio.to_thread(commit)


async def lane(hub: Hub, server: Server, headers: dict[str, str], part: list[str]) -> list[Watch]:
    clients, made = await clients_of_each_worker(server, headers), []
    for identifier in part:
        assert [await verdict(one, identifier) for one in clients] == ["VALID"] * WORKERS
        watch = Watch()
        await asyncio.gather(revoke(hub, identifier, watch), *(watch_until_invalid(one, identifier, watch) for one in clients))
        made.append(watch)
    for one in clients:
        await one.aclose()
    return made


async def half_load(server: Server, headers: dict[str, str], known: list[str], done: asyncio.Event) -> int:
    """Asks, then rests as long as the answer took."""
    count = 0
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
        while not done.is_set():
            started = time.monotonic()
            await verdict(client, known[count % len(known)])
            count += 1
            await asyncio.sleep(time.monotonic() - started)
    return count


async def revoke_all(hub: Hub, server: Server, headers: dict[str, str], found: list[str], count: int) -> list[Watch]:
    wanted, others, done = found[:count], found[count:], asyncio.Event()
    load = [asyncio.create_task(half_load(server, headers, others, done)) for _ in range(WORKERS)]
    watches = await asyncio.gather(*(lane(hub, server, headers, wanted[at::LANES]) for at in range(LANES)))
    done.set()
    assert sum(await asyncio.gather(*load)) > 0
    return [one for part in watches for one in part]


def measure(folder: Path, catalog, url: str, count: int) -> dict[str, float]:
    settings = replace(options(folder, url), mass_acts=1_000_000)
    hub = open_hub(settings, clock=wall_clock, catalog=catalog)
    deliver(hub, write_csv(folder / "companies.csv", (company(10_000 + place) for place in range(count + 20))))
    key = Key()
    client = register(hub, "freshness", key.jwk, ["license:verify"], ["business_license"])
    with running(settings, folder, WORKERS) as server:
        found, watches = identifiers(hub), []
        # A token lives five minutes: a fresh one for each thousand.
        for first in range(0, count, 1_000):
            form = token_form(key.assertion(client.client_id, server.url, time.time()))
            token = httpx.post(f"{server.url}/oauth/token", data=form).json()["access_token"]
            part = [*found[first : min(first + 1_000, count)], *found[count:]]
            watches += asyncio.run(revoke_all(hub, server, {"Authorization": f"Bearer {token}"}, part, len(part) - len(found[count:])))
    hub.close()
    assert len(watches) == count and sum(one.stale for one in watches) == 0
    seconds = sorted(one.seconds for one in watches)
    return {"max_s": seconds[-1], "p99_s": seconds[int(len(seconds) * 0.99)], "revocations": count}


def test_revocation_is_seen_by_every_worker_in_every_request_after_its_commit(tmp_path, catalog, postgres_url):
    print(measure(tmp_path, catalog, postgres_url, 150))


@pytest.mark.nightly
@pytest.mark.parametrize("count", [1_000, 10_000])
def test_revocation_is_seen_by_every_worker_at_length(tmp_path, catalog, postgres_url, count):
    print(measure(tmp_path, catalog, postgres_url, count))
