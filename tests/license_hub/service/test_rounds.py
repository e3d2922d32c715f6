"""The server's threads, for real: what they bring about, and what they say when they cannot."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event

import pytest

from license_hub.errors import LogDiverged
from license_hub.service.attending import attending
from license_hub.service.intake import apply_pending
from license_hub.service.integrating import integrating
from license_hub.service.logs import audit, licenses
from license_hub.service.rounds import Rounds
from license_hub.service.verify import VerifyRequest, verify
from license_hub.service.witnessing import served

from .publishing import credit_code, entity
from .test_several_witnesses import pair

__all__ = ["pair"]
PATIENCE_S = 60


def until(holds: Callable[[], bool]) -> None:
    """Returns once `holds()`; raises AssertionError when the patience is at its end."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def started():
    """Starts rounds; those still running are stopped at the end."""
    running: list[Rounds] = []

    def start(*rounds: Rounds) -> Rounds:
        for one in rounds:
            running.append(one)
            one.start()
        return rounds[0]

    yield start
    for one in running:
        one.stop()


def test_witnesses_that_come_back_are_asked_without_anybody_s_doing(pair, started):
    pair.signed(3)
    verify(pair.hub, [VerifyRequest(type_id="business_license", number=credit_code(0), holder_number=credit_code(0))])
    assert not served(pair.hub, licenses(pair.hub))[1]
    started(*attending(pair.hub, 0.05, 0.05))
    with pair.running(0):
        until(lambda: (pair.hub.tiles.read_checkpoint() or "").count("—") == 3)
        assert not served(pair.hub, licenses(pair.hub))[1]
    with pair.running(0, 1):
        until(lambda: served(pair.hub, licenses(pair.hub))[1] and served(pair.hub, audit(pair.hub))[1])


def test_contradicted_log_says_so_and_does_not_keep_the_audit_log_from_its_witnesses(pair, started, caplog):
    pair.signed(3)
    verify(pair.hub, [VerifyRequest(type_id="business_license", number=credit_code(0), holder_number=credit_code(0))])
    with pair.running(0, 1) as witnesses:
        pair.fork(witnesses[1], 3)
        started(*attending(pair.hub, 0.05, 0.05))
        until(lambda: served(pair.hub, audit(pair.hub))[1])
        until(lambda: any("LOG_DIVERGED" in one.getMessage() for one in caplog.records))
    [said, *_] = [one for one in caplog.records if "LOG_DIVERGED" in one.getMessage()]
    assert said.levelno == logging.CRITICAL and "witness-example-w2" in said.getMessage() and said.name == "hub.attending"


def test_what_is_committed_is_signed_and_a_damaged_tile_is_named(hub, publisher, started, caplog):
    rounds = started(integrating(hub))
    publisher.publish("legal_entity", [entity(i) for i in range(3)])
    apply_pending(hub, prove=False)
    rounds.nudge()
    until(lambda: "\n3\n" in (hub.tiles.read_checkpoint() or ""))
    [tile] = (hub.tiles.directory / "tile" / "0").glob("000.p/3")
    tile.chmod(0o600)
    tile.write_bytes(bytes(96))
    publisher.publish("legal_entity", [entity(i) for i in range(4)])
    apply_pending(hub, prove=False)
    rounds.nudge()
    until(lambda: any(one.levelno == logging.CRITICAL and "tile" in one.getMessage() for one in caplog.records))


def test_fault_that_may_quote_a_row_is_named_by_its_kind_alone_and_tried_again(started, caplog):
    again, faults = Event(), [ValueError("citizen 990101"), LogDiverged("entries 3 to 5"), None]

    def work() -> None:
        fault = faults.pop(0) if faults else None
        if fault is not None:
            raise fault
        again.set()

    started(Rounds("tried", work, 0.01))
    assert again.wait(30)
    told = [(one.levelno, one.getMessage().partition(";")[0]) for one in caplog.records]
    assert told == [(logging.ERROR, "ValueError"), (logging.CRITICAL, "LOG_DIVERGED: entries 3 to 5")]
