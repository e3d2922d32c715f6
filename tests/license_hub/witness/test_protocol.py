from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from license_hub.log.checkpoint import parse
from license_hub.log.cosignature import ED25519, ML_DSA_44, add_lines, cosigned
from license_hub.log.submission import parse_request, request_body
from license_hub.log.tree import EMPTY_ROOT
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.witness import keys
from license_hub.witness.protocol import Witness

from .conftest import NAME, ORIGIN, SIGNER, Clock, Log, open_witness, statuses


def cosigners(directory, head, body: str) -> set[str]:
    found = cosigned(parse(add_lines(head.note, body.splitlines(keepends=True))), keys.load(directory).keys)
    return {one.alg for one in found}


def test_first_checkpoint_is_cosigned_with_both_keys(directory, witness):
    log = Log()
    answer = witness.add_checkpoint(log.request(0, 5))
    assert (answer.status, cosigners(directory, log.head(5), answer.body)) == (200, {ED25519, ML_DSA_44})


def test_growing_log_is_followed_and_the_same_checkpoint_cosigned_again(directory, witness):
    log = Log()
    assert statuses(witness, log.request(0, 5), log.request(5, 300), log.request(300, 300), log.request(300, 70_000)) == [200] * 4


def test_old_size_that_is_not_the_last_is_409_with_the_last(witness):
    log = Log()
    witness.add_checkpoint(log.request(0, 5))
    for old, new in ((0, 9), (4, 9), (6, 9), (0, 5)):
        answer = witness.add_checkpoint(log.request(old, new))
        assert (answer.status, answer.body, answer.media_type) == (409, "5\n", "text/x.tlog.size")


def test_t9_two_roots_of_one_size_are_409_and_never_both_cosigned(witness):
    honest, other = Log(), Log(fork=2)
    assert statuses(witness, honest.request(0, 5), other.request(5, 5), honest.request(5, 5)) == [200, 409, 200]


def test_t9_forked_history_is_422_and_changes_nothing(witness):
    honest, other = Log(), Log(fork=2)
    assert statuses(witness, honest.request(0, 5), other.request(5, 9), honest.request(5, 9)) == [200, 422, 200]


def test_t35_rolled_back_log_is_refused(witness):
    log = Log()
    assert statuses(witness, log.request(0, 9), log.request(0, 5), log.request(5, 7), log.request(9, 7)) == [200, 409, 409, 400]


def test_proof_that_is_wrong_missing_or_too_much_is_422(witness):
    log = Log()
    witness.add_checkpoint(log.request(0, 5))
    old, proof, head = parse_request(log.request(5, 9))
    for bad in ((), proof[:-1], (*proof, proof[0]), proof[::-1], (bytes(32), *proof[1:]), (b"short", *proof[1:])):
        assert witness.add_checkpoint(request_body(old, bad, head.note)).status == 422
    assert statuses(witness, log.request(5, 9)) == [200]


def test_first_checkpoint_with_a_proof_is_422(witness):
    assert witness.add_checkpoint(request_body(0, [bytes(32)], Log().head(5).note)).status == 422


def test_empty_log_is_cosigned_only_with_the_empty_root(witness):
    log = Log()
    assert log.head(0).root == EMPTY_ROOT
    assert statuses(witness, log.request(0, 0), log.request(0, 3)) == [200, 200]


def test_unknown_origin_is_404(witness):
    assert statuses(witness, Log(origin="log.example/other").request(0, 5)) == [404]


def test_unknown_or_bad_signature_is_403(witness):
    stranger = InsecureDevSigner("Ed25519", bytes(32))
    assert statuses(witness, Log(signers=(stranger,)).request(0, 5)) == [403]
    note = Log().head(5).note
    forged = note.replace("\n5\n", "\n6\n")
    assert witness.add_checkpoint(request_body(0, [], forged)).status == 403


def test_further_unknown_signatures_are_ignored(witness):
    stranger = InsecureDevSigner("Ed25519", bytes(32))
    assert statuses(witness, Log(signers=(stranger, SIGNER)).request(0, 5)) == [200]


GOOD = Log().request(0, 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 0\n",
        b"old 0\n\n",
        GOOD.replace(b"old 0", b"old 00"),
        GOOD.replace(b"old 0", b"old -1"),
        GOOD.replace(b"old 0", b"Old 0"),
        GOOD.replace(b"old 0", b"old "),
        GOOD.replace(b"old 0", b"old  0"),
        GOOD.replace(b"old 0\n", b"old 0\nx\n"),
        GOOD.replace(b"old 0", b"old 0" * 30),
        GOOD.replace(b"old 0\n", b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64),
        GOOD[:-1],
        GOOD.replace(b"\n\nlog", b"\nlog"),
    ],
)
def test_body_of_another_form_is_400(witness, body):
    assert witness.add_checkpoint(body).status == 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_refused(witness, body):
    assert witness.add_checkpoint(body).status in (400, 403, 404)


def test_state_outlives_the_process(directory):
    log = Log()
    first, state = open_witness(directory)
    assert statuses(first, log.request(0, 5)) == [200]
    state.close()
    second, state = open_witness(directory)
    assert statuses(second, Log(fork=1).request(0, 5), log.request(5, 6)) == [409, 200]
    state.close()


def test_state_that_cannot_be_written_gives_no_cosignature(directory, monkeypatch):
    from license_hub.witness import state as states

    def full(*_args, **_named):
        raise OSError(28, "No space left on device")

    opened, state = open_witness(directory)
    with monkeypatch.context() as patch:
        patch.setattr(states, "place", full)
        with pytest.raises(OSError):
            opened.add_checkpoint(Log().request(0, 5))
    assert statuses(opened, Log(fork=1).request(0, 5)) == [200], "nothing was said of the first, so the second may be"
    state.close()


def test_concurrent_submissions_never_roll_back(directory):
    """The race the specification names: the last state is the largest size that was answered 200."""
    log = Log()
    log.upto(400)
    opened, state = open_witness(directory)
    opened.add_checkpoint(log.request(0, 10))
    good: list[int] = []

    def submit(size: int) -> None:
        old = 10
        for _ in range(40):
            answer = opened.add_checkpoint(log.request(old, size))
            if answer.status == 200:
                good.append(size)
                return
            if answer.status != 409 or int(answer.body) > size:
                return
            old = int(answer.body)

    threads = [threading.Thread(target=submit, args=(size,)) for size in range(20, 400, 40)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert good == sorted(good) and state.last(ORIGIN).size == max(good)
    state.close()


class Followed(RuleBasedStateMachine):
    """Whatever two logs under one key submit, what was cosigned is one history."""

    def __init__(self):
        super().__init__()
        self.logs = {"honest": Log(), "forked": Log(fork=4)}
        self.cosigned: list[tuple[int, bytes]] = []
        self.witness = Witness(NAME, [], {ORIGIN: [parse_key()]}, Memory(), Clock())

    @rule(which=st.sampled_from(["honest", "forked"]), old=st.integers(0, 12), new=st.integers(0, 12))
    def submit(self, which, old, new):
        log = self.logs[which]
        if self.witness.add_checkpoint(log.request(old, new)).status == 200:
            self.cosigned.append((new, log.head(new).root))

    @invariant()
    def one_history(self):
        assert [size for size, _ in self.cosigned] == sorted(size for size, _ in self.cosigned)
        assert any(all(log.head(size).root == root for size, root in self.cosigned) for log in self.logs.values())


class Memory:
    """A state on no disk: the machine above is about the protocol."""

    def __init__(self):
        self.kept = {}

    def last(self, origin):
        return self.kept.get(origin)

    def keep(self, head):
        self.kept[head.origin] = head


def parse_key():
    from .conftest import LOG_KEYS

    return LOG_KEYS[0]


TestFollowed = Followed.TestCase
TestFollowed.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
