"""Composition root of the server: settings, clock, log lines, metrics port, hub, application, granian."""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from catalogs.errors import EgovError
from license_hub import settings as environment
from license_hub.api import logs
from license_hub.errors import SettingsError
from license_hub.orphan import end_with_parent

if TYPE_CHECKING:
    from license_hub.api.frame import Frame
    from license_hub.service.ask_provider import ProviderOptions
    from license_hub.service.hub import Hub
    from license_hub.settings import Settings
    from license_hub.web.holder_house import HolderProvider
    from quality.health import Health

JSON_LOGS = {
    "formatters": {"json": {"()": "license_hub.api.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}
START_FAILED = 1
YOUNG_OBJECTS = 20_000
"""Of Python's 700: a batch of verifications alone makes more."""

logger = logging.getLogger("hub.app")


def now() -> datetime:
    """The server's clock: aware, UTC."""
    return datetime.now(UTC)


def application(settings: Settings | None = None, workers: int = 1) -> Frame:
    """The application of one worker process. Ends the process if it cannot be made: one log line, no traceback with values."""
    end_with_parent()
    settings = settings or environment.read()
    logs.set_up(settings.log_level)
    try:
        made = compose(settings, workers)
        settle_memory()
        return made
    except EgovError as fault:
        logger.critical("cannot start: %s: %s", fault.code, fault)
    except Exception:
        logger.critical("cannot start", exc_info=True)
    raise SystemExit(START_FAILED)


def settle_memory() -> None:
    """What was made at start stays until the end: no collection walks through it again, and young objects are looked at less often.

    A collection stops the world: one through the catalogue's tables in the middle of a request was the longest wait of all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def compose(settings: Settings, workers: int) -> Frame:
    """Hub, pages and API. Raises OSError if no metrics port is free."""
    from license_hub.service.hub import open_hub

    start_metrics(settings.host, settings.metrics_port, workers)
    hub = open_hub(settings, clock=now)
    len(hub.catalog.divisions)  # read now, so that no page waits for the table
    return faced(hub, settings)


def faced(hub: Hub, settings: Settings | None = None) -> Frame:
    """The application over an open hub: the API, the public page, and the staff pages, which get what they need of the hub as arguments.

    `settings`: what the pages take of them; without, their defaults.
    """
    from license_hub.api.build import build
    from license_hub.service.staff_sessions import Limits
    from license_hub.web import holder_house, pages
    from license_hub.web.address import address_of
    from license_hub.web.house import House
    from quality import board
    from quality.board.owners import owner
    from quality.board.surroundings import Issued, Person, Surroundings

    chosen = settings or environment.read({})
    limits = Limits(chosen.session_idle_s, chosen.session_s)
    local = chosen.local_accounts == "on"
    given = {"local": local, "provider": provider(chosen), "proxies": chosen.proxies}
    house = House(hub, partial(owner, hub.engine), (board.TEMPLATES,), limits, health=partial(sources, hub), **given)
    around = Surroundings(
        catalog=hub.catalog,
        lake=hub.lake,
        database=hub.engine,
        now=hub.now,
        person=lambda request: Person(**house.visitor(request)),
        render=house.render,
        issued=lambda resource, keys: {key: Issued(**one) for key, one in house.issued(resource, keys).items()},
        audit=house.audit,
        issuing=house,
        frame_key=_frame_key(chosen.frame_key),
    )
    holders = holder_house.routers(hub, limits, holder_provider(chosen))
    visitor = partial(address_of, proxies=chosen.proxies)
    routers = [*pages.routers(chosen.proxies), *house.routers(board.routers(around)), *holders]
    return build(hub, routers, pages.problem_page, allowance=house.allowance, framing=chosen.airflow_origin, address=visitor)


def sources(hub: Hub) -> list[Health]:
    """How the sources of all resources stand now, for the administrators' page."""
    from license_hub.storage.engine import reading
    from quality.health import of_all

    with reading(hub.engine) as connection:
        return of_all(connection, hub.catalog, hub.lake, hub.now())


def provider(settings: Settings) -> ProviderOptions | None:
    """The identity provider as the settings name it."""
    from license_hub.service.ask_provider import ProviderOptions

    if not settings.oidc_issuer:
        return None
    return ProviderOptions(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
        roles_claim=settings.oidc_roles_claim,
        roles=dict(pair.split("=", 1) for pair in settings.oidc_roles.split()),
        body_claim=settings.oidc_body_claim,
    )


def holder_provider(settings: Settings) -> HolderProvider | None:
    """The holders' identity provider as the settings name it."""
    from license_hub.service.ask_provider import ProviderOptions
    from license_hub.web.holder_house import HolderProvider

    if not settings.holder_issuer:
        return None
    known = (settings.holder_issuer, settings.holder_client_id, settings.holder_client_secret, settings.holder_scopes)
    return HolderProvider(ProviderOptions(*known, name_claim=settings.holder_name_claim), settings.holder_number_claim)


def _frame_key(file: Path | None) -> bytes:
    """What links to the framed pages are sealed with; empty without a file. Raises SettingsError."""
    from quality.sealed import read_key

    try:
        return read_key(file) if file else b""
    except (OSError, ValueError) as fault:
        raise SettingsError([f"HUB_FRAME_KEY cannot be used: {fault}"]) from None


def start_metrics(host: str, port: int, workers: int) -> None:
    """Metrics of this worker, on the first port of `workers` that is free: each worker counts for itself and is scraped for itself."""
    from license_hub.api import metrics

    for offset in range(workers):
        try:
            metrics.start(host, port + offset)
            return
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE or offset == workers - 1:
                raise


def serve(settings: Settings, workers: int = 1) -> None:
    """Run until a signal. Workers are processes; each opens its own hub.

    Raises SettingsError if a port is taken or the profile misses something.
    """
    from granian import Granian

    from license_hub.service import production

    # Here too, before any worker: one list for the person, not one a worker.
    if settings.profile == production.PROFILE:
        production.check(settings)
    check_ports(settings, workers)
    server = Granian(
        "license_hub.app:application",
        address=settings.host,
        port=settings.port,
        interface="asgi",
        workers=workers,
        websockets=False,
        log_dictconfig=JSON_LOGS,
        # A worker that the system ended is replaced; one that ends again at once ends the server, for whoever started that to see.
        respawn_failed_workers=True,
    )
    server.serve(target_loader=partial(application, settings, workers), wrap_loader=False)


def check_ports(settings: Settings, workers: int) -> None:
    """Before anything starts, so that the person sees which setting to change. Raises SettingsError."""
    wanted = [("HUB_PORT", settings.port)] + [("HUB_METRICS_PORT", settings.metrics_port + offset) for offset in range(workers)]
    problems = []
    for name, port in wanted:
        try:
            socket.create_server((settings.host, port), family=socket.AF_INET6 if ":" in settings.host else socket.AF_INET).close()
        except OSError as fault:
            reason = os.strerror(fault.errno or 0)
            problems.append(f"cannot listen on {settings.host}:{port}: {reason}; stop what is there or set {name}")
    if problems:
        raise SettingsError(problems)
