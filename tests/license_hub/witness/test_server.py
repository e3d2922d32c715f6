"""The witness as a process, over HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading

import httpx
import pytest

from license_hub.log.checkpoint import parse
from license_hub.log.cosignature import ED25519, ML_DSA_44, add_lines, cosigned
from license_hub.witness import keys
from license_hub.witness.server import MAX_BODY_BYTES

from .conftest import Log
from .server import serving


def test_witness_answers_over_http_as_the_protocol_has_it(directory):
    log = Log()
    with serving(directory) as witness:
        good = witness.add(log.request(0, 5))
        found = cosigned(parse(add_lines(log.head(5).note, good.text.splitlines(keepends=True))), keys.load(directory).keys)
        assert (good.status_code, {one.alg for one in found}) == (200, {ED25519, ML_DSA_44})
        conflict = witness.add(log.request(0, 9))
        assert (conflict.status_code, conflict.headers["content-type"], conflict.text) == (409, "text/x.tlog.size", "5\n")
        assert witness.add(Log(fork=2).request(5, 9)).status_code == 422
        assert witness.add(Log(origin="log.example/other").request(0, 5)).status_code == 404
        assert witness.add(b"x").status_code == 400
        assert httpx.get(f"{witness.url}/add-checkpoint").status_code == 405
        assert httpx.get(f"{witness.url}/keys").text.split() == [one.text for one in keys.load(directory).keys]
        assert witness.add(b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
        assert witness.add(log.request(5, 9)).status_code == 200


def killed_rounds(directory, rounds: int) -> None:
    """Kill the witness while it answers, start it again, and offer it another history of every size it may have cosigned."""
    log, cosigned_sizes = Log(), []
    for number in range(rounds):
        with serving(directory) as witness:
            ready = threading.Event()

            def submit(witness=witness, ready=ready):
                size = cosigned_sizes[-1] if cosigned_sizes else 0
                try:
                    for new in range(size + 1, size + 400):
                        answer = witness.add(log.request(size, new))
                        if answer.status_code == 409:
                            size = int(answer.text)
                            continue
                        assert answer.status_code == 200
                        cosigned_sizes.append(new)
                        size = new
                        ready.set()
                except httpx.TransportError:
                    return

            thread = threading.Thread(target=submit)
            thread.start()
            assert ready.wait(20)
            threading.Event().wait(0.03 * (number % 7))
            witness.kill()
            thread.join()
    forked = Log(fork=0)
    with serving(directory) as witness:
        kept = int(witness.add(log.request(0, 1)).text)
        assert kept >= max(cosigned_sizes)
        for size in range(1, kept + 1):
            assert witness.add(forked.request(kept, size)).status_code in (400, 409)
        assert witness.add(forked.request(kept, kept + 1)).status_code == 422
        assert witness.add(log.request(kept, kept + 1)).status_code == 200


def test_t26_witness_killed_while_answering_never_cosigns_two_histories(directory):
    killed_rounds(directory, 3)


@pytest.mark.nightly
def test_t26_witness_killed_forty_times_never_cosigns_two_histories(directory):
    killed_rounds(directory, 40)


def test_commands_make_and_describe_a_witness(tmp_path):
    from license_hub.log.policy import parse as parse_policy

    from .conftest import LOG_KEYS

    def hub(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-m", "license_hub.cli", "witness", *words], capture_output=True, text=True, check=False)

    place = str(tmp_path / "w")
    assert hub("init", place, "--name", "witness.example/w9").returncode == 0
    assert hub("init", place, "--name", "witness.example/w9").returncode == 1
    assert hub("trust", place, LOG_KEYS[0].text).returncode == 0
    assert hub("trust", place, "nonsense").returncode == 1
    lines = hub("keys", place, "--policy", "http://127.0.0.1:1").stdout
    policy = parse_policy(f"{lines}quorum witness-example-w9\n".encode())
    assert [one.key for one in policy.witnesses] == list(keys.load(tmp_path / "w").keys)
    assert "WITNESS_FAULT" in hub("keys", str(tmp_path / "none")).stderr
