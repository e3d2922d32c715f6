"""T21, T24: whoever is killed whenever, in any order. The seed is in the assertion's message; each kill is drawn from it."""

from __future__ import annotations

import json
import os
import signal
import time
from random import Random

import pytest

from tests.support.crash import POINTS

from .service import Service, Traffic, kill_tree, serving, unaudited
from .world import CLEAN, Nursery, World

LOG_POINTS = [one for one in POINTS if one in (
    "lease taken", "tiles half written", "tile beside its place", "level above half written", "tiles written, nothing signed",
    "before the checkpoint is signed", "signed, not stored", "stored, not published", "published",
)]  # fmt: skip
"""Points an integrator alone comes to."""


class Accidents:
    """Kills one thing after another while departments deliver and callers ask."""

    def __init__(self, world: World, nursery: Nursery, service: Service, dice: Random, rows: int):
        self.world, self.nursery, self.service, self.dice, self.rows = world, nursery, service, dice, rows
        self.done: list[str] = []
        self.recovery: list[float] = []
        """Seconds from the database being back to the first answer, of a server that was up when it went away."""
        self.starting: list[float] = []
        """The same of one that an accident before had ended: its own start is in it."""
        self.seconds: dict[str, float] = {}
        self._points = iter(())

    def run(self, kills: int) -> None:
        acts = [self.worker_at_point, self.worker_at_any_time, self.integrator, self.database, self.api]
        while len(self.done) < kills:
            self.world.deliver(self.rows, revoked=self.rows // 10)
            act = self.dice.choices(acts, weights=[40, 20, 15, 13, 12])[0]
            began = time.monotonic()
            if act():
                self.done.append(act.__name__)
            self.seconds[act.__name__] = self.seconds.get(act.__name__, 0) + time.monotonic() - began
            self.service.keep()
            self.world.look()

    def worker_at_point(self) -> bool:
        point = next(self._points, None)
        if point is None:
            self._points = iter(self.dice.sample(list(POINTS), len(POINTS)))
            point = next(self._points)
        self.nursery.start(point=point)
        return self.nursery.ended() == -signal.SIGKILL

    def worker_at_any_time(self) -> bool:
        return self.nursery.killed(self.dice, 0.8) == -signal.SIGKILL

    def integrator(self) -> bool:
        # Leaves for it: a worker that committed and was killed before it integrated.
        self.nursery.start(point="committed, nothing integrated")
        self.nursery.ended()
        self.nursery.start(act="integrate", point=self.dice.choice(LOG_POINTS))
        return self.nursery.ended() == -signal.SIGKILL

    def database(self) -> bool:
        """While a worker applies; the worker gets through it, or the next run does its work."""
        self.nursery.start()
        time.sleep(self.dice.uniform(0, 0.8))
        cluster, up = self.world.cluster, self.service.ready()
        self.dice.choice([cluster.kill, lambda: cluster.stop("immediate")])()
        time.sleep(self.dice.uniform(0, 0.5))
        cluster.start()
        (self.recovery if up else self.starting).append(self.service.wait())
        assert self.nursery.ended() == 0, self.nursery.log.read_text()[-3000:]
        return True

    def api(self) -> bool:
        """A worker process of the server, its first process alone, or all of it."""
        workers = self.service.workers()
        if not workers or not self.service.ready():
            return False
        kind = self.dice.choice(["worker", "main", "all"])
        if kind == "all":
            kill_tree(self.service.process)
        else:
            os.kill(self.dice.choice(workers).pid if kind == "worker" else self.service.process.pid, signal.SIGKILL)
        if kind == "main":
            self.service.process.wait()
        return True


def accidents(world: World, nursery: Nursery, kills: int, rows: int, seed: int) -> dict:
    """A whole run and its account."""
    dice = Random(seed)
    world.deliver(rows)
    world.settle()
    began = time.monotonic()
    with serving(world) as service, Traffic(world, service, Random(seed + 1)) as traffic:
        traffic.acknowledged(list(world.stated))
        run = Accidents(world, nursery, service, dice, rows)
        run.run(kills)
        world.settle()
        service.wait()
        traffic.acknowledged(list(world.stated))
        answered = len(traffic.answers)
        until = time.monotonic() + 60
        while len(traffic.answers) < answered + 10 and time.monotonic() < until:
            time.sleep(0.05)
    found = world.account()
    figures = {
        "seed": seed,
        "kills": {name: run.done.count(name) for name in sorted(set(run.done))},
        "licenses": len(world.stated),
        "acts": world.acts,
        "spent_s": {name: round(value, 1) for name, value in run.seconds.items()},
        "answers": len(traffic.answers),
        "unanswered": traffic.unanswered,
        "slowest_recovery_s": round(max(run.recovery, default=0), 2),
        "recoveries": len(run.recovery),
        "slowest_start_s": round(max(run.starting, default=0), 2),
        "seconds": round(time.monotonic() - began, 1),
    }
    return figures | {"wrong": traffic.wrong, "unaudited": unaudited(world, traffic), "account": found}


@pytest.mark.parametrize(
    ("kills", "licenses"),
    [pytest.param(50, 10_000), pytest.param(1_000, 100_000, marks=pytest.mark.nightly)],
)
def test_t21_kills_at_random_lose_double_and_leave_unproven_nothing(own_world, nursery, kills, licenses, record_property):
    figures = accidents(own_world, nursery, kills, licenses // kills, seed=20261122)
    wrong = {name: figures.pop(name) for name in ("wrong", "unaudited", "account")}
    record_property("figures", json.dumps(figures))
    print(json.dumps(figures))
    assert wrong == {"wrong": [], "unaudited": [], "account": CLEAN}, figures
    assert figures["licenses"] >= licenses and sum(figures["kills"].values()) == kills
    assert figures["answers"] > 0
