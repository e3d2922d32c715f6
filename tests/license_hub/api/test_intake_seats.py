"""Many pushes at once: each keeps a connection for its key's lock and needs more of the same pool, so only a few are at work."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import httpx
import pytest
from anyio import CapacityLimiter

from license_hub.api import patience
from license_hub.api.intake import SEATS
from license_hub.api.patience import TooSlow, seated
from tests.license_hub.api.conftest import scene_at
from tests.license_hub.sample_hub import company, credit_code, identifier_of

AT_ONCE = 16


def test_pushes_at_once_leave_connections_for_themselves_and_for_verifications(tmp_path, catalog, postgres_url):
    scene = scene_at(tmp_path, catalog, postgres_url)
    bearer = scene.bearer()
    asked = {"identifier": identifier_of(scene.hub, credit_code(2000))}

    async def pushed(client: httpx.AsyncClient, number: int) -> httpx.Response:
        """Sent again under its key for as long as no seat was free in time."""
        headers = bearer | {"Idempotency-Key": uuid4().hex}
        while True:
            answer = await client.post("/v1/intake/business_license", json={"row": company(number)}, headers=headers)
            if answer.status_code != 503:
                return answer
            assert answer.headers["retry-after"]

    async def together() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(scene.app), base_url="http://hub", timeout=120) as client:
            pushes = [pushed(client, 7100 + n) for n in range(AT_ONCE)]
            looks = [client.post("/v1/verifications", json=asked, headers=bearer) for _ in range(AT_ONCE)]
            return await asyncio.gather(*pushes, *looks)

    answers = asyncio.run(together())
    scene.hub.close()
    told = [(one.status_code, one.json().get("outcome") or one.json()["code"]) for one in answers]
    assert told == [(201, "issued")] * AT_ONCE + [(200, "IN_FORCE")] * AT_ONCE
    # A seat takes its key's lock, and up to two more for checking and applying.
    assert SEATS * 3 < scene.hub.engine.pool.size() + scene.hub.engine.pool._max_overflow


def test_call_that_is_too_slow_keeps_its_seat_to_its_end(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE_S", 0.05)
    seats, leave = CapacityLimiter(1), threading.Event()

    async def asked() -> None:
        with pytest.raises(TooSlow):
            await seated(seats, leave.wait, 60)
        assert seats.borrowed_tokens == 1
        with pytest.raises(TooSlow):
            await seated(seats, leave.wait, 60)
        leave.set()
        async with seats:
            assert seats.borrowed_tokens == 1

    asyncio.run(asked())
    assert seats.borrowed_tokens == 0
