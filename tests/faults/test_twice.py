"""T22: the same publication applied by two processes at once, and again afterwards; and processes that lose their helpers."""

from __future__ import annotations

import os
import signal
import time

import psutil

from .world import CLEAN, Nursery

ROWS = 12_000
"""So many that a fast machine's workers are still at it when they are found."""


def test_t22_same_publications_by_two_processes_at_once_and_again_are_applied_once(own_world, nursery, tmp_path):
    other = Nursery(own_world.options, tmp_path / "other.log")
    for _ in range(3):
        own_world.deliver(200, revoked=20)
        for one in (nursery, other):
            one.start()
        assert [nursery.ended(), other.ended()] == [0, 0]
        nursery.start()
        assert nursery.ended() == 0
    other.close()
    assert own_world.account() == CLEAN


def test_t21_computing_worker_killed_is_replaced_and_the_publication_applied_once(own_world, nursery):
    own_world.deliver(ROWS)
    pid = nursery.start(workers=2)
    os.kill(helper_of(pid).pid, signal.SIGKILL)
    assert nursery.ended() == 0, nursery.log.read_text()[-2000:]
    assert own_world.account() == CLEAN


def helper_of(pid: int) -> psutil.Process:
    """A worker process of that process, as soon as it does something."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in psutil.Process(pid).children():
            if "license_hub.service.worker" in " ".join(child.cmdline()) and child.cpu_times().user > 0.1:
                return child
        time.sleep(0.02)
    raise AssertionError("no worker process was started")


def test_t21_computing_workers_end_with_the_process_that_was_killed(own_world, nursery):
    own_world.deliver(ROWS)
    pid = nursery.start(workers=2)
    helper_of(pid)
    helpers = psutil.Process(pid).children()
    os.kill(pid, signal.SIGKILL)
    assert nursery.ended() == -signal.SIGKILL
    _, alive = psutil.wait_procs(helpers, timeout=30)
    assert alive == []
    own_world.settle()
    assert own_world.account() == CLEAN
