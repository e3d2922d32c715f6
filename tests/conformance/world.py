"""The hubs that outsiders look at: one real hub that has lived through three publications, copied for each attack and served over HTTP.

- Sealed, logged and signed by the hub's own services; each copy has its own database and lake, opened by the hub's own code.
- Served by granian, the server the hub runs under, on two doors of 127.0.0.1: two outsiders may be shown different hubs.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from granian.server.embed import Server

from catalogs.model import Catalog
from license_hub.api.build import build
from license_hub.api.frame import Frame
from license_hub.service.export_bundle import bundle_of, opened_of
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.publish_status import publish
from license_hub.signing import bundle as bundles
from license_hub.storage.engine import reading
from license_hub.storage.lookup import find
from tests.license_hub.sample_hub import Clock, identifiers, options
from tests.license_hub.service.publishing import Publisher, entity
from tests.support import postgres

STAGES = 3
REVOKED = "3"
COMPANIES = (280, 440, 560)
"""Companies in each stage's publication: the log crosses the border of its first tile, then of its second."""


def companies(stage: int) -> list[dict[str, object]]:
    """What stage 1, 2 or 3 publishes: more companies, and every seventeenth revoked from stage 2, every eleventh from stage 3 on."""
    rows = [entity(place) for place in range(COMPANIES[stage - 1])]
    for place in range(COMPANIES[0]):
        if (stage >= 2 and place % 17 == 0) or (stage >= 3 and place % 11 == 0):
            rows[place]["status"] = REVOKED
    return rows


@dataclass
class World:
    """One hub on one database, and what its holders and one outsider have of it."""

    folder: Path
    hub: Hub
    publisher: Publisher
    catalog: Catalog
    server: object
    """URL of the PostgreSQL server's maintenance database; None on SQLite."""
    settings: Mapping[str, object]
    """Those that are not the sample hub's."""

    @property
    def log(self) -> Path:
        return self.hub.tiles.directory

    def grow(self, rows: list[dict[str, object]]) -> None:
        """One more publication, issued, logged and signed by the hub itself, and its status lists."""
        self.publisher.publish("legal_entity", rows)
        apply_pending(self.hub)
        publish(self.hub)

    @property
    def root_key(self) -> str:
        """What an outsider pins."""
        return self.hub.roots[0].text

    def bundles(self, places: tuple[int, ...]) -> list[bytes]:
        """Licenses as their holders keep them, by order of issue."""
        listed = identifiers(self.hub)
        with reading(self.hub.engine) as connection:
            rows = [find(connection, [listed[place]], []).rows[0] for place in places]
            return [bundles.write(bundle_of(self.hub, connection, row, opened_of(self.hub, connection, row), None)) for row in rows]


@contextmanager
def world(folder: Path, catalog: Catalog, server: object = None, **settings: object) -> Iterator[World]:
    """A hub before its first publication."""
    with _database(server) as url:
        hub = open_hub(options(folder, url, **settings), clock=Clock(), catalog=catalog)
        try:
            yield World(folder, hub, Publisher(hub), catalog, server, settings)
        finally:
            hub.close()


@contextmanager
def copied(source: World, folder: Path, **changed: object) -> Iterator[World]:
    """The same hub once more, with a database and a lake of its own. `source`'s connections are given back first.

    `changed` are settings that whoever runs the copy runs it under; what the root signed stays as it was.
    """
    shutil.copytree(source.folder, folder)
    source.hub.engine.dispose()
    template = source.hub.engine.url.database if source.server else ""
    with _database(source.server, template) as url:
        hub = open_hub(options(folder, url, **(source.settings | changed)), clock=source.hub.clock, catalog=source.catalog)
        publisher = Publisher(hub)
        publisher.continue_from(source.publisher)
        try:
            yield World(folder, hub, publisher, source.catalog, source.server, source.settings)
        finally:
            hub.close()


@contextmanager
def _database(server: object, template: str = "template1") -> Iterator[str | None]:
    """A URL; None where the hub's own SQLite file in its lake will do."""
    if server is None:
        yield None
        return
    with postgres.database(server, template) as url:
        yield url


class Door:
    """An address of 127.0.0.1 behind which any hub can stand: the real application, with the hub that is shown through it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._frame: Frame | None = None

    @contextmanager
    def open_to(self, world: World) -> Iterator[str]:
        if self._frame is None:
            self._frame = build(world.hub)
        state = self._frame._app.state
        # Made once: an application takes longer to make than an attack.
        state.serving = replace(state.serving, hub=world.hub)
        yield self.url

    async def __call__(self, scope, receive, send) -> None:
        await self._frame(scope, receive, send)


@contextmanager
def doors(count: int) -> Iterator[list[Door]]:
    """Doors served from one thread of this process until the end."""
    made = [Door() for _ in range(count)]
    loop = asyncio.new_event_loop()
    servers = [Server(door, port=door.port, interface="asginl", websockets=False, log_enabled=False) for door in made]
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(servers),), daemon=True)
    thread.start()
    for door in made:
        _wait(door.port)
    yield made
    for server in servers:
        loop.call_soon_threadsafe(server.stop)
    thread.join(20)
    loop.close()


async def _serve(servers: list[Server]) -> None:
    await asyncio.gather(*(one.serve() for one in servers))


def _wait(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the server did not come up")
