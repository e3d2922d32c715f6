"""What the hub counts. Labels are fixed words (route templates, verdict codes): nothing a caller can choose, nothing personal.

Served on its own port (`start`), never by the public application.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

if TYPE_CHECKING:
    from license_hub.service.hub import Hub

REGISTRY = CollectorRegistry()
REQUESTS = Counter("hub_requests", "Requests by route template, method and status.", ["route", "method", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "hub_request_seconds",
    "Time from the request's first byte to the answer's last.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
VERDICTS = Counter("hub_verdicts", "Verdicts given, by channel and code.", ["channel", "status", "code"], registry=REGISTRY)
BATCH = Histogram(
    "hub_verify_batch_size", "Verifications answered in one transaction.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256), registry=REGISTRY
)
LOG_SIZE = Gauge("hub_log_size", "Leaves under the newest checkpoint.", registry=REGISTRY)
CANARY_ALARMS = Gauge("hub_canary_alarms", "Questions about watched numbers, which nobody has.", registry=REGISTRY)
CONTRADICTIONS = Gauge(
    "hub_log_contradictions", "Witnesses that told this worker of another history of a log, or of more of it.", registry=REGISTRY
)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def watch(hub: Hub) -> None:
    """Gauges that ask the hub when they are read."""
    CANARY_ALARMS.set_function(lambda: hub.watch.alarms)
    CONTRADICTIONS.set_function(lambda: len(hub.contradictions))


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request; an unknown method is counted as OTHER, an unknown route as `-`."""
    count, histogram = _of(route, method if method in METHODS else "OTHER", status)
    count.inc()
    histogram.observe(seconds)


@cache
def _of(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Finding a child by its labels costs more than counting."""
    return REQUESTS.labels(route, method, str(status)), SECONDS.labels(route)


@cache
def verdicts(channel: str, status: str, code: str) -> Counter:
    return VERDICTS.labels(channel, status, code)


def start(address: str, port: int) -> object:
    """Serve `/metrics` from a thread of this process. Raises OSError if the port is taken."""
    server, _thread = start_http_server(port, addr=address, registry=REGISTRY)
    return server
