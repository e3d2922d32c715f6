"""A hub that wants two real witnesses: one away, or one that contradicts, must not spoil what the other says."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from license_hub.commands.witness import policy_lines
from license_hub.log import checkpoint as checkpoints
from license_hub.log.submission import request_body
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.logs import Log, audit, licenses
from license_hub.service.witnessing import collect
from license_hub.storage import tables
from license_hub.storage.engine import reading, writing
from license_hub.witness import keys
from tests.license_hub.witness.server import Running, serving
from tests.support.processes import free_port

from .publishing import Publisher, entity


@dataclass(frozen=True)
class Pair:
    """Two witnesses' directories and ports, and a hub that asks for `need` of them."""

    hub: Hub
    places: tuple[Path, Path]
    ports: tuple[int, int]

    @contextmanager
    def running(self, *numbers: int):
        with ExitStack() as stack:
            yield [stack.enter_context(serving(self.places[one], self.ports[one])) for one in numbers]

    def signed(self, count: int) -> Log:
        """The licenses' log with a checkpoint over that many issued, nobody asked yet."""
        Publisher(self.hub).publish("legal_entity", [entity(i) for i in range(count)])
        apply_pending(replace(self.hub, policy=replace(self.hub.policy, quorum="none")))
        integrate(self.hub)
        return licenses(self.hub)

    def fork(self, witness: Running, size: int) -> None:
        """The witness has seen another root of that size, signed by the hub's own key."""
        forked = checkpoints.sign(self.hub.origin, size, b"f" * 32, [self.hub.keyring.signer("checkpoint")])
        assert witness.add(request_body(0, [], forked.note)).status_code == 200


@pytest.fixture
def pair(request, options, clock, catalog, tmp_path: Path):
    need = getattr(request, "param", "all")
    places, ports = (tmp_path / "w1", tmp_path / "w2"), (free_port(), free_port())
    text, names = "", []
    for number, (place, port) in enumerate(zip(places, ports, strict=True), 1):
        text += policy_lines(keys.make(place, f"witness.example/w{number}"), f"http://127.0.0.1:{port}").replace(" any ", " all ")
        names.append(f"witness-example-w{number}")
    path = tmp_path / "pair.policy"
    path.write_text(f"{text}group both {need} {' '.join(names)}\nquorum both\n")
    opened = open_hub(replace(options, witness_policy=path), clock=clock, catalog=catalog)
    for log in (licenses(opened), audit(opened)):
        for one in opened.security.checkpoint_keys(log.origin):
            for place in places:
                keys.trust(place, one.text)
    yield Pair(opened, places, ports)
    opened.close()


def cosigned(hub: Hub) -> str | None:
    with reading(hub.engine) as connection:
        return connection.execute(sa.select(tables.checkpoint.c.cosigned).order_by(tables.checkpoint.c.size.desc()).limit(1)).scalar()


def test_note_of_a_checkpoint_does_not_grow_while_one_of_two_witnesses_is_down(pair):
    log = pair.signed(3)
    with pair.running(0):
        assert not collect(pair.hub, log)
        lines = cosigned(pair.hub).count("—")
        for _ in range(4):
            assert not collect(pair.hub, log)
    assert lines == cosigned(pair.hub).count("—") == 3
    with pair.running(1):
        assert collect(pair.hub, log)
    assert cosigned(pair.hub).count("—") == 5


def test_note_that_grew_until_it_cannot_be_read_is_cosigned_anew(pair):
    log = pair.signed(3)
    with writing(pair.hub.engine) as connection:
        grown = tables.checkpoint.c.note + sa.literal("— witness.example/w1 " + "A" * 300_000 + "\n")
        connection.execute(sa.update(tables.checkpoint).values(cosigned=grown))
    with pair.running(0, 1):
        assert collect(pair.hub, log)
    assert cosigned(pair.hub).count("—") == 5
