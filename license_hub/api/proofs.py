"""`proof: pending | logged`, and callers that wait for the second: one look at the newest checkpoint serves all who wait."""

from __future__ import annotations

import asyncio
from typing import Literal

from license_hub.service.hub import Hub
from license_hub.service.integrating import signed_size
from license_hub.service.rounds import Rounds
from license_hub.storage.engine import reading

from .patience import in_time

WAIT_S = 10.0
"""How long `?wait=proof` waits before it answers `pending` after all."""
LOOK_S = 0.05

State = Literal["pending", "logged"]


class Proofs:
    """Of one process. Used on its event loop only."""

    def __init__(self, hub: Hub, integrating: Rounds):
        self._hub = hub
        self._integrating = integrating
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._looker: asyncio.Task[None] | None = None

    async def state(self, entry: int, *, wait: bool) -> State:
        """Whether a signed checkpoint covers the entry; with `wait` only `pending` if that takes longer than WAIT_S."""
        self._integrating.nudge()
        if await in_time(self._signed) > entry:
            return "logged"
        if not wait:
            return "pending"
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = entry
        if self._looker is None:
            self._looker = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(WAIT_S):
                await future
        except TimeoutError:
            return "pending"
        finally:
            self._waiting.pop(future, None)
        return "logged"

    async def _look(self) -> None:
        """Until nobody waits. There is no `await` between seeing that and giving up the place."""
        try:
            while self._waiting:
                size = await in_time(self._signed)
                for future, entry in list(self._waiting.items()):
                    if entry < size and not future.done():
                        future.set_result(None)
                if any(not one.done() for one in self._waiting):
                    await asyncio.sleep(LOOK_S)
                else:
                    await asyncio.sleep(0)
        except Exception as fault:
            for future in self._waiting:
                if not future.done():
                    future.set_exception(fault)
        finally:
            self._looker = None

    def _signed(self) -> int:
        with reading(self._hub.engine) as connection:
            return signed_size(connection)
