"""A hub that wants two real witnesses: one away, or one that contradicts, must not spoil what the other says."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from license_hub.commands.witness import policy_lines
from license_hub.errors import LogDiverged, LogError, Unwitnessed
from license_hub.log import checkpoint as checkpoints
from license_hub.log.submission import request_body
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.logs import Log, audit, licenses
from license_hub.service.witnessing import collect, require_witnessed, unwitnessed_since
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
    publisher: Publisher

    @contextmanager
    def running(self, *numbers: int):
        with ExitStack() as stack:
            yield [stack.enter_context(serving(self.places[one], self.ports[one])) for one in numbers]

    def signed(self, count: int) -> Log:
        """The licenses' log with a checkpoint over that many issued, nobody asked yet."""
        self.publisher.publish("legal_entity", [entity(i) for i in range(count)])
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
    yield Pair(opened, places, ports, Publisher(opened))
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


@pytest.mark.parametrize("pair", ["any"], indirect=True)
def test_t7_witness_that_contradicts_costs_the_others_lines_nothing_and_is_told(pair, caplog):
    log = pair.signed(3)
    with pair.running(0, 1) as witnesses:
        pair.fork(witnesses[0], 3)
        assert collect(pair.hub, log), "the other witness is quorum enough"
        assert cosigned(pair.hub).count("—") == 3
        loud = [one.getMessage() for one in caplog.records if one.levelno == logging.CRITICAL]
        assert len(loud) == 1 and "witness-example-w1" in loud[0] and "another root of 3" in loud[0]
        assert list(pair.hub.contradictions.values()) == loud
        pair.hub.contradictions.clear()
        assert collect(pair.hub, log) and not pair.hub.contradictions, "with a quorum nobody is asked again"
        assert collect(pair.hub, log, everyone=True) and len(pair.hub.contradictions) == 1, "but by a person's round"


def test_t7_contradiction_of_a_witness_the_quorum_needs_raises_and_keeps_the_others_lines(pair):
    log = pair.signed(3)
    with pair.running(0, 1) as witnesses:
        pair.fork(witnesses[1], 3)
        with pytest.raises(LogDiverged, match="witness-example-w2"):
            collect(pair.hub, log)
    assert cosigned(pair.hub).count("—") == 3


def test_t7_issuing_goes_on_for_the_grace_while_a_needed_witness_contradicts(pair, clock):
    pair.signed(3)
    with pair.running(0, 1) as witnesses:
        pair.fork(witnesses[1], 3)
        for count, issued in ((4, 4), (5, 5)):
            pair.publisher.publish("legal_entity", [entity(i) for i in range(count)])
            with pytest.raises(LogDiverged):
                apply_pending(pair.hub)
            with reading(pair.hub.engine) as connection:
                assert connection.execute(sa.select(sa.func.count()).select_from(tables.version)).scalar_one() == issued
        clock.pass_(seconds=901)
        pair.publisher.publish("legal_entity", [entity(i) for i in range(6)])
        with pytest.raises(LogError):
            apply_pending(pair.hub)
        with reading(pair.hub.engine) as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(tables.version)).scalar_one() == 5


class Rude(BaseHTTPRequestHandler):
    """Something else than a witness answers under its address."""

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()
        with suppress(ConnectionError):
            for _ in range(64):
                self.wfile.write(b"x" * 65536)
                self.server.sent += 65536

    def log_message(self, *_args: object) -> None:
        pass


@pytest.mark.parametrize("status", [200, 308])
def test_t13_answer_without_end_and_redirect_of_a_witness_are_not_followed(pair, caplog, monkeypatch, status):
    log = pair.signed(3)
    server = ThreadingHTTPServer(("127.0.0.1", pair.ports[1]), Rude)
    server.asked, server.sent, server.status = [], 0, status
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        with pair.running(0), monkeypatch.context() as environment:
            environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
            assert not collect(pair.hub, log)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert server.asked == ["/add-checkpoint"]
    assert cosigned(pair.hub).count("—") == 3, "the other witness is asked past the environment's proxy, and counts"
    assert "too long" in caplog.text
    assert server.sent < 64 * 65536


def test_log_whose_key_signs_nothing_stops_issuing_after_the_grace(pair, clock):
    """Nothing is signed, so nothing can be cosigned: as unwitnessed as without witnesses."""
    with pair.running(0, 1):
        assert collect(pair.hub, pair.signed(3))
        pair.publisher.publish("legal_entity", [entity(i) for i in range(5)])
        apply_pending(pair.hub, prove=False)
        began = clock()
        clock.pass_(seconds=900)
        require_witnessed(pair.hub)
        clock.pass_(seconds=1)
        assert unwitnessed_since(pair.hub, licenses(pair.hub)) == began
        with pytest.raises(Unwitnessed):
            require_witnessed(pair.hub)
        with pytest.raises(Unwitnessed):
            apply_pending(pair.hub, prove=False)
        apply_pending(pair.hub)
        require_witnessed(pair.hub)
