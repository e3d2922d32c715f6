from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.errors import NoteMalformed, PolicyMalformed, SignatureBad
from license_hub.log import checkpoint
from license_hub.log.cosignature import ED25519, ML_DSA_44, WitnessKey, add_lines, cosign
from license_hub.log.policy import Group, Policy, Witness, parse
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.witness.keys import WitnessSigner

ORIGIN, AT = "log.example/test", 1_795_248_000
LOG = InsecureDevSigner("Ed25519", bytes(range(32)))
LOG_KEYS = checkpoint.keys(ORIGIN, [(LOG.alg, LOG.public)])
WITNESSES = {f"w{n}": WitnessSigner(ED25519, bytes([n]) * 32) for n in range(1, 6)}
PQ = WitnessSigner(ML_DSA_44, bytes([9]) * 32)


def vkey(name: str, signer: WitnessSigner) -> str:
    return WitnessKey(f"witness.example/{name}", signer.alg, signer.public).text


def lines(*names: str) -> str:
    return "".join(f"witness {name} {vkey(name, WITNESSES[name])}\n" for name in names)


def head(*by: str, origin: str = ORIGIN, signers=(LOG,)) -> str:
    made = checkpoint.sign(origin, 7, b"r" * 32, signers)
    return add_lines(made.note, [cosign(made, f"witness.example/{name}", WITNESSES[name], AT) for name in by])


TWO_LEVELS = lines("w1", "w2", "w3", "w4") + "group X 2 w1 w2 w3\ngroup all-of all X w4\nquorum all-of\n"


@pytest.mark.parametrize(
    ("by", "good"),
    [
        ((), False),
        (("w1", "w2"), False),
        (("w1", "w4"), False),
        (("w4",), False),
        (("w1", "w3", "w4"), True),
        (("w1", "w2", "w3", "w4"), True),
        (("w1", "w4", "w5"), False),
    ],
)
def test_quorum_of_two_levels_is_met_by_exactly_enough_witnesses(by, good):
    policy = parse(TWO_LEVELS.encode())
    if good:
        assert policy.verify(head(*by), ORIGIN, LOG_KEYS).size == 7
    else:
        with pytest.raises(SignatureBad, match="lacks the cosignatures"):
            policy.verify(head(*by), ORIGIN, LOG_KEYS)


def test_t9_quorum_from_the_wrong_keys_is_never_accepted():
    """Right names under other keys, right keys under other names, the log's own key, one witness twice: none makes a quorum."""
    policy = parse((lines("w1", "w2") + "group q 2 w1 w2\nquorum q\n").encode())
    made = checkpoint.sign(ORIGIN, 7, b"r" * 32, [LOG])
    stranger = WitnessSigner(ED25519, bytes([77]) * 32)
    first = cosign(made, "witness.example/w1", WITNESSES["w1"], AT)
    forged = [
        cosign(made, "witness.example/w2", stranger, AT),
        cosign(made, "witness.example/w3", WITNESSES["w2"], AT),
        cosign(made, "witness.example/w2", WITNESSES["w1"], AT),
        cosign(made, "witness.example/w1", WITNESSES["w1"], AT + 1),
        cosign(made, "witness.example/w2", PQ, AT),
        cosign(made, ORIGIN, WitnessSigner(ED25519, bytes(range(32))), AT),
    ]
    for line in forged:
        with pytest.raises(SignatureBad):
            policy.verify(add_lines(made.note, [first, line]), ORIGIN, LOG_KEYS)
    with pytest.raises(SignatureBad):
        policy.verify(add_lines(made.note, [first, *forged]), ORIGIN, LOG_KEYS)
    both = [first, cosign(made, "witness.example/w2", WITNESSES["w2"], AT)]
    assert policy.verify(add_lines(made.note, both), ORIGIN, LOG_KEYS) == replace(made, note=add_lines(made.note, both))


def test_quorum_without_the_logs_signature_is_refused_where_a_log_key_is_known():
    policy = parse((lines("w1") + "quorum w1\n").encode())
    stranger = InsecureDevSigner("Ed25519", bytes(32))
    with pytest.raises(SignatureBad, match="no known key"):
        policy.verify(head("w1", signers=(stranger,)), ORIGIN, LOG_KEYS)


def test_cosigned_checkpoint_of_another_log_is_refused_under_a_quorum_alone():
    policy = parse((lines("w1") + "quorum w1\n").encode())
    with pytest.raises(SignatureBad, match="another log"):
        policy.verify(head("w1", origin="log.example/other"), ORIGIN)


def test_logs_of_the_policy_take_the_place_of_the_callers():
    text = f"log {LOG_KEYS[0].text} https://log.example/\n{lines('w1')}quorum w1\n"
    policy = parse(text.encode())
    assert policy.verify(head("w1"), ORIGIN).size == 7
    with pytest.raises(SignatureBad, match="does not list"):
        policy.verify(head("w1", origin="log.example/other"), "log.example/other", LOG_KEYS)


def test_neither_key_nor_quorum_verifies_nothing():
    with pytest.raises(SignatureBad, match="neither"):
        Policy().verify(head(), ORIGIN)
    assert Policy().verify(head(), ORIGIN, LOG_KEYS).size == 7


def test_policy_reads_comments_tabs_urls_and_opaque_names():
    text = (
        b"# ours\n\n \t# indented\n\twitness \xe8\xaf\x81\xe4\xba\xba " + vkey("w1", WITNESSES["w1"]).encode() + b"\thttp://127.0.0.1:1/ \n"
        b"witness \xff " + vkey("pq", PQ).encode() + b"\ngroup g any \xe8\xaf\x81\xe4\xba\xba \xff\nquorum g\n"
    )
    policy = parse(text)
    assert [one.url for one in policy.witnesses] == ["http://127.0.0.1:1/", None]
    assert policy.witnesses[0].name == "证人"
    assert policy.groups["g"].need == 1
    assert policy.demands and not parse(b"quorum none\n").demands


W1 = lines("w1").encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"quorum none",
        b"quorum none\r\n",
        b"quorum none\nquorum none\n",
        b"quorum w1\n" + W1,
        W1,
        b"quorum\n",
        b"quorum a b\n",
        W1 + b"quorum w2\n",
        W1 + W1 + b"quorum w1\n",
        W1 + lines("w1").replace("witness w1", "witness again").encode() + b"quorum w1\n",
        W1 + b"group g 0 w1\nquorum g\n",
        W1 + b"group g 2 w1\nquorum g\n",
        W1 + b"group g 01 w1\nquorum g\n",
        W1 + b"group g some w1\nquorum g\n",
        W1 + b"group g any\nquorum g\n",
        W1 + b"group g any w1 w1\nquorum g\n",
        W1 + b"group g any w1\ngroup h any w1\nquorum g\n",
        W1 + b"group g any h w1\ngroup h any g\nquorum g\n",
        W1 + b"group none any w1\nquorum none\n",
        W1 + b"group g any none\nquorum g\n",
        W1 + b"group w1 any w1\nquorum w1\n",
        b"witness none " + vkey("w1", WITNESSES["w1"]).encode() + b"\nquorum none\n",
        b"witness w1 nokey\nquorum w1\n",
        b"log " + vkey("w1", WITNESSES["w1"]).encode() + b"\nquorum none\n",
        b"witness w1 " + LOG_KEYS[0].text.encode() + b"\nquorum w1\n",
        b"quorum none\x00\n",
        b"quorum\x0bnone\n",
        b"quorum none\x7f\n",
        b"peer x\nquorum none\n",
    ],
)
def test_policy_that_is_not_of_the_format_is_refused(text):
    with pytest.raises(PolicyMalformed):
        parse(text)


def test_witness_with_the_logs_own_key_is_refused():
    same = WitnessSigner(ED25519, bytes(range(32)))
    with pytest.raises(PolicyMalformed, match="line 2: this public key is listed already"):
        parse(f"log {LOG_KEYS[0].text}\nwitness w {vkey('w', same)}\nquorum w\n".encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_policy_or_refused(data):
    try:
        parse(data + b"quorum none\n")
    except PolicyMalformed:
        return


@st.composite
def trees(draw):
    """A random policy over five witnesses, each used at most once, and the witnesses that cosigned."""
    free = list(WITNESSES)
    groups: dict[str, Group] = {}
    for number in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True)) if free else []
        if not members:
            break
        free = [one for one in free if one not in members] + [f"g{number}"]
        groups[f"g{number}"] = Group(draw(st.integers(1, len(members))), tuple(members))
    quorum = draw(st.sampled_from(["none", *WITNESSES, *groups]))
    return Policy(
        witnesses=tuple(Witness(name, WitnessKey(name, ED25519, one.public), None) for name, one in WITNESSES.items()),
        groups=groups,
        quorum=quorum,
    ), draw(st.sets(st.sampled_from([*WITNESSES, *groups, "stranger"])))


@given(trees())
def test_quorum_agrees_with_its_definition(case):
    policy, names = case

    def witnessed(name: str) -> bool:
        if name in policy.groups:
            return sum(witnessed(one) for one in policy.groups[name].members) >= policy.groups[name].need
        return name in WITNESSES and name in names

    assert policy.satisfied(names) is (policy.quorum == "none" or witnessed(policy.quorum))


def test_note_of_a_known_witness_that_does_not_verify_is_refused_whole():
    policy = parse((lines("w1", "w2") + "group q any w1 w2\nquorum q\n").encode())
    other = checkpoint.sign(ORIGIN, 8, b"r" * 32, [LOG])
    stolen = cosign(other, "witness.example/w2", WITNESSES["w2"], AT)
    with pytest.raises((SignatureBad, NoteMalformed), match="w2"):
        policy.verify(add_lines(head("w1"), [stolen]), ORIGIN, LOG_KEYS)


def test_text_of_a_policy_is_the_policy_without_addresses():
    given = f"# ours\nwitness a {vkey('w/a', WITNESSES['w1'])} https://a.example\nwitness b {vkey('w/b', PQ)}\ngroup g any a b\nquorum g\n"
    made = parse(given.encode())
    assert "a.example" not in made.text and "#" not in made.text
    again = parse(made.text.encode())
    assert again.text == made.text and again.groups == made.groups and again.quorum == "g"
    assert [(one.name, one.key) for one in again.witnesses] == [(one.name, one.key) for one in made.witnesses]
    assert parse(b"quorum none\n").text == ""
