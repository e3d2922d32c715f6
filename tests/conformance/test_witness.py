"""With a witness in the policy one outsider alone sees a split view, or any rewritten log: the witness cosigns one history only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from license_hub.commands.witness import policy_lines
from license_hub.errors import LogDiverged
from license_hub.log import checkpoint
from license_hub.service.logs import audit, licenses
from license_hub.witness import keys
from tests.conformance.attacks import leaves, put_leaves, sign_again
from tests.conformance.outsider import Outsider
from tests.conformance.world import Door, World, companies, copied, doors, world
from tests.license_hub.sample_hub import NOW
from tests.license_hub.service.publishing import entity
from tests.license_hub.witness.server import serving
from tests.support.processes import free_port


def unasked(scene: Scene) -> dict[str, object]:
    """Settings of who runs the hub's copy without its witness; the root's key he has not."""
    return {"witness_policy": None, "root_keys": None, "root_key": scene.hub.root_key}


"""The attacker runs the hub without asking the witness; the policy that the root signed he cannot change."""


@dataclass(frozen=True)
class Scene:
    """A hub whose checkpoints a real witness process has cosigned, and what stands before it."""

    hub: World
    door: Door


@pytest.fixture
def scene(tmp_path: Path, catalog) -> Iterator[Scene]:
    place, port, policy = tmp_path / "witness", free_port(), tmp_path / "witness.policy"
    keys.make(place, "witness.example/w1")
    # Both its keys, the classical and the post-quantum one.
    lines = policy_lines(keys.load(place), f"http://127.0.0.1:{port}").replace(" any ", " all ")
    policy.write_text(f"{lines}quorum witness-example-w1\n")
    with ExitStack() as stack:
        hub = stack.enter_context(world(tmp_path / "hub", catalog, witness_policy=policy))
        for log in (licenses(hub.hub), audit(hub.hub)):
            for one in checkpoint.keys(log.origin, [(key.alg, key.public) for key in hub.hub.keyring.public_keys("checkpoint")]):
                keys.trust(place, one.text)
        stack.enter_context(serving(place, port))
        [door] = stack.enter_context(doors(1))
        hub.grow(companies(1))
        yield Scene(hub, door)


def alone(scene: Scene, shown: World, state: Path) -> tuple[bool, str]:
    """What an outsider says who never was here before and knows no other."""
    state.unlink(missing_ok=True)
    with scene.door.open_to(shown):
        return Outsider(scene.door.url, shown.root_key, state, clock=lambda: NOW).ask("audit")


def test_t7_hub_that_would_show_another_history_is_stopped_by_its_own_witness(scene, tmp_path):
    with copied(scene.hub, tmp_path / "fork") as fork:
        scene.hub.grow([*companies(1), entity(7001)])
        with pytest.raises(LogDiverged, match="saw another history"):
            fork.grow([*companies(1), entity(8001), entity(8002)])


def test_t7_of_two_histories_only_one_is_cosigned(scene, tmp_path):
    state = tmp_path / "seen.json"
    assert alone(scene, scene.hub, state)[0]
    with copied(scene.hub, tmp_path / "fork", **unasked(scene)) as fork:
        assert alone(scene, fork, state)[0]
        scene.hub.grow([*companies(1), entity(7001)])
        fork.grow([*companies(1), entity(8001), entity(8002)])
        assert alone(scene, scene.hub, state)[0]
        good, reason = alone(scene, fork, state)
        assert not good and "too few witnesses" in reason


def test_t7_rewritten_log_signed_with_the_real_key_is_not_cosigned(scene, tmp_path):
    with copied(scene.hub, tmp_path / "rewritten", **unasked(scene)) as attacked:
        rows = leaves(attacked)
        put_leaves(attacked, [*rows[:5], *reversed(rows[5:])])
        sign_again(attacked)
        good, reason = alone(scene, attacked, tmp_path / "seen.json")
        assert not good and "too few witnesses" in reason
