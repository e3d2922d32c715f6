"""A hundred attacks of a database superuser, each on a real hub whose unmodified twin the same outsider has just accepted (T6, T7).

Half of them are signed again with the hub's real key: they deceive an outsider who sees the hub for the first time (asserted), and are
caught by one who remembers a checkpoint, or by anybody with a license that was issued before. Two histories shown to two outsiders are
caught when the two compare; one alone cannot see it (asserted).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance import attacks as made
from tests.conformance.attacks import Attack
from tests.conformance.outsider import Outsider
from tests.conformance.world import STAGES, Door, World, companies, copied, doors, world
from tests.license_hub.sample_hub import NOW

ON_POSTGRES = (18, 19)
"""Numbers of each class that run on PostgreSQL."""
ALL = made.attacks()
MORE = made.attacks(100, first=made.EACH)
KEPT = (3, 270, 400)
"""Licenses their holders keep, by order of issue: one of each stage's tiles."""


@dataclass(frozen=True)
class Scene:
    """The hub as it was after each publication, and bundles of the last."""

    stages: dict[int, World]
    bundles: list[bytes]


def scene(folder: Path, catalog, server: object) -> Iterator[Scene]:
    with ExitStack() as stack:
        growing = stack.enter_context(world(folder / "now", catalog, server))
        stages = {}
        for stage in range(1, STAGES + 1):
            growing.grow(companies(stage))
            stages[stage] = stack.enter_context(copied(growing, folder / f"stage-{stage}"))
        yield Scene(stages, growing.bundles(KEPT))


@pytest.fixture(scope="module")
def sqlite_scene(tmp_path_factory, catalog) -> Iterator[Scene]:
    yield from scene(tmp_path_factory.mktemp("sqlite"), catalog, None)


@pytest.fixture(scope="module")
def postgres_scene(tmp_path_factory, catalog, postgres_server) -> Iterator[Scene]:
    yield from scene(tmp_path_factory.mktemp("postgres"), catalog, postgres_server)


@pytest.fixture(scope="module")
def two_doors() -> Iterator[list[Door]]:
    with doors(2) as opened:
        yield opened


def outsider(door: Door, known: World, state: Path) -> Outsider:
    return Outsider(door.url, known.root_key, state, clock=lambda: NOW)


def caught_by_memory(attack: Attack, of: Scene, door: Door, folder: Path) -> None:
    with ExitStack() as stack:
        hub = stack.enter_context(copied(of.stages[3], folder / "hub"))
        remembering = outsider(door, hub, folder / "seen.json")
        with door.open_to(of.stages[2]):
            assert remembering.ask("look")[0]
        with door.open_to(hub):
            for asked in (("audit",), *(("license", one) for one in of.bundles)):
                good, text = remembering.ask(*asked)
                assert good, f"the unmodified twin: {text}"
        if attack.kind == "rollback":
            hub = stack.enter_context(copied(of.stages[1 + attack.number // 2 % 2], folder / "old"))
        told = getattr(made, attack.kind)(attack, hub, attack.random)
        with door.open_to(hub):
            good, reason = remembering.ask("audit")
            assert not good, told
            newcomer = outsider(door, hub, folder / "first.json")
            deceived, text = newcomer.ask("audit")
            # Whoever sees an honest signature over an honest tree for the first time has nothing to hold against it, unless the
            # entries contradict each other.
            honest = attack.resigned or attack.kind == "rollback"
            assert deceived == honest or (honest and "nothing logged before it" in text), f"{told}: {text}"
            if deceived:
                answers = [newcomer.ask("license", one) for one in of.bundles]
                assert not any(good for good, _ in answers), told
    print(f"{attack.name}: {told} -> {reason}")


def caught_by_comparing(attack: Attack, of: Scene, two: list[Door], folder: Path) -> None:
    first, second = two
    with ExitStack() as stack:
        one, other = (outsider(door, of.stages[1], folder / f"{name}.json") for door, name in zip(two, "ab", strict=True))
        for stage in (1, 2):
            with first.open_to(of.stages[stage]), second.open_to(of.stages[stage]):
                assert one.ask("look")[0] and other.ask("look")[0]
                assert one.ask("compare", other.state.read_bytes())[0], "the unmodified twin"
        views = made.split(attack, of.stages, folder, stack, attack.random)
        with first.open_to(views.one), second.open_to(views.other):
            assert one.ask("audit")[0]
            alone, reason = other.ask("audit")
            assert alone != views.noticed_alone, f"{views.told}: {reason}"
            if alone:
                answers = [other.ask("compare", one.state.read_bytes()), one.ask("compare", other.state.read_bytes())]
                reason = " / ".join(text for good, text in answers if not good)
                # A view that was only held back is a part of the whole one: whoever has the whole one cannot see it.
                assert [good for good, _ in answers] == [False, views.held_back], views.told
    print(f"{attack.name}: {views.told} -> {reason}")


def run(attack: Attack, request, two: list[Door], folder: Path) -> None:
    of = request.getfixturevalue("postgres_scene" if attack.number in ON_POSTGRES else "sqlite_scene")
    if attack.kind == "split":
        caught_by_comparing(attack, of, two, folder)
    else:
        caught_by_memory(attack, of, two[0], folder)


@pytest.mark.parametrize("attack", ALL, ids=lambda one: one.name)
def test_t7_attack_of_a_superuser_is_caught(attack, request, two_doors, tmp_path):
    run(attack, request, two_doors, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("attack", MORE, ids=lambda one: one.name)
def test_t7_further_attacks_are_caught(attack, request, two_doors, tmp_path):
    run(attack, request, two_doors, tmp_path)


def test_t7_half_of_the_attacks_are_signed_with_the_real_key():
    assert len(ALL) == 100 and len({one.name for one in ALL}) == 100
    assert all(sum(one.resigned for one in ALL if one.kind == kind) == 10 for kind in made.KINDS)
