"""A hub whose policy asks for a real witness process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from license_hub.errors import KeyRefused, LogDiverged, LogError, Unwitnessed
from license_hub.log import bundle as proofs
from license_hub.log import checkpoint as checkpoints
from license_hub.log import note
from license_hub.log.cosignature import ML_DSA_44, TYPES
from license_hub.log.policy import Policy, parse
from license_hub.service.change_key import compromise
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import attend, integrate
from license_hub.service.logs import audit, licenses
from license_hub.service.prove import prove
from license_hub.service.publish_manifest import accept, export, newest
from license_hub.service.verify import VerifyRequest, verify
from license_hub.service.witnessing import collect, require_witnessed, served, unwitnessed_since
from license_hub.signing import manifest as manifests
from license_hub.signing.keyring import Keyring
from license_hub.storage import tables
from license_hub.storage.engine import writing
from license_hub.storage.tables_audit_log import audit_checkpoint
from license_hub.witness import keys
from tests.license_hub.witness.server import serving
from tests.support.processes import free_port

from .publishing import Publisher, credit_code, entity

NAME = "witness.example/w1"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A witness's directory, not running yet."""
    keys.make(tmp_path / "witness", NAME)
    return tmp_path / "witness"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def policy_file(place: Path, port: int, tmp_path: Path) -> Path:
    from license_hub.commands.witness import policy_lines

    path = tmp_path / "witness.policy"
    lines = policy_lines(keys.load(place), f"http://127.0.0.1:{port}").replace(" any ", " all ")
    path.write_text(f"{lines}quorum witness-example-w1\n")
    return path


@pytest.fixture
def watched(options, clock, catalog, policy_file: Path, place: Path):
    """A hub under that policy; the witness trusts both its logs."""
    opened = open_hub(replace(options, witness_policy=policy_file), clock=clock, catalog=catalog)
    for log in (licenses(opened), audit(opened)):
        for one in checkpoints.keys(log.origin, [(key.alg, key.public) for key in opened.keyring.public_keys("checkpoint")]):
            keys.trust(place, one.text)
    yield opened
    opened.close()


def issue(hub: Hub, publisher: Publisher, count: int) -> None:
    publisher.publish("legal_entity", [entity(i) for i in range(count)])
    apply_pending(hub)


def asked(n: int) -> VerifyRequest:
    return VerifyRequest(type_id="business_license", number=credit_code(n), holder_number=credit_code(n))


def leaf_of(hub: Hub, n: int) -> bytes:
    return bytes.fromhex(verify(hub, [asked(n)])[0].verdict.evidence["leaf_hash"])


@pytest.fixture
def publishes(watched: Hub) -> Publisher:
    return Publisher(watched)


def test_checkpoint_is_cosigned_served_and_carried_by_proofs(watched, publishes, place, port):
    with serving(place, port):
        issue(watched, publishes, 3)
        attend(watched)
    text, witnessed = served(watched, licenses(watched))
    assert witnessed and text == watched.tiles.read_checkpoint()
    assert set(watched.policy.cosigners(checkpoints.parse(text))) == {one.name for one in watched.policy.witnesses}
    assert verify(watched, [asked(1)])[0].log == "witnessed"
    proof = proofs.parse(prove(watched, leaf_of(watched, 1)))
    assert watched.policy.witnessed(checkpoints.parse(proof.checkpoint))
    assert served(watched, audit(watched))[1]
    assert fsck(watched).findings == ()


def test_bundle_stripped_of_classical_lines_verifies_under_a_post_quantum_only_policy(watched, publishes, place, port):
    with serving(place, port):
        issue(watched, publishes, 3)
    leaf = leaf_of(watched, 1)
    proof = proofs.parse(prove(watched, leaf))
    signed = note.parse(proof.checkpoint)
    key = next(one.key for one in watched.policy.witnesses if one.key.alg == ML_DSA_44)
    quantum_safe = [
        f"— {line.name} {note.encode(line.key_id + line.signature)}\n" for line in signed.signatures if line.key_id == key.key_id
    ]
    stripped = replace(proof, checkpoint=f"{signed.text}\n{''.join(quantum_safe)}")
    assert len(signed.signatures) == 3 and len(quantum_safe) == 1 and TYPES[key.alg] == b"\x06"
    policy = parse(f"witness pq {key.text}\nquorum pq\n".encode())
    assert proofs.verify(proofs.parse(stripped.text), leaf, watched.origin, (), policy).size == 3
    from license_hub.errors import SignatureBad

    with pytest.raises(SignatureBad):
        proofs.verify(stripped, leaf, watched.origin, (), Policy())
    with pytest.raises(SignatureBad):
        proofs.verify(stripped, leaf, "log.example/other", (), policy)
    with pytest.raises(SignatureBad):
        proofs.verify(replace(stripped, index=proof.index ^ 1), leaf, watched.origin, (), policy)


def test_old_bundle_stays_valid_with_its_own_checkpoint(watched, publishes, place, port):
    with serving(place, port):
        issue(watched, publishes, 3)
        leaf = leaf_of(watched, 1)
        old = proofs.parse(prove(watched, leaf))
        issue(watched, publishes, 300)
    log_keys = checkpoints.keys(watched.origin, [(one.alg, one.public) for one in watched.keyring.public_keys("checkpoint")])
    assert proofs.verify(old, leaf, watched.origin, log_keys, watched.policy).size == 3
    assert proofs.verify(proofs.parse(prove(watched, leaf)), leaf, watched.origin, log_keys, watched.policy).size == 300


def test_without_its_witness_checkpoints_are_marked_and_after_the_grace_nothing_is_issued(watched, publishes, place, port, clock):
    with serving(place, port):
        issue(watched, publishes, 3)
    assert unwitnessed_since(watched, licenses(watched)) is None
    issue(watched, publishes, 4)
    began = clock.now
    text, witnessed = served(watched, licenses(watched))
    assert (checkpoints.parse(text).size, witnessed) == (4, False)
    assert [one.log for one in verify(watched, [asked(1), asked(3)])] == ["witnessed", "unwitnessed"]
    assert checkpoints.parse(proofs.parse(prove(watched, leaf_of(watched, 1))).checkpoint).size == 3, "a proof others accept"
    clock.pass_(seconds=900)
    issue(watched, publishes, 5)
    assert unwitnessed_since(watched, licenses(watched)) == began
    clock.pass_(seconds=1)
    publishes.publish("legal_entity", [entity(i) for i in range(6)])
    with pytest.raises(Unwitnessed, match="since 2026-11-21"):
        apply_pending(watched)
    with pytest.raises(Unwitnessed):
        require_witnessed(watched)
    text, witnessed = served(watched, licenses(watched))
    assert (checkpoints.parse(text).size, witnessed) == (3, True), "after the grace the newest witnessed checkpoint is served"
    assert verify(watched, [asked(3)])[0].verdict.status == "VALID", "verification goes on"
    with serving(place, port):
        assert apply_pending(watched).issued == 1
    require_witnessed(watched)
    assert verify(watched, [asked(5)])[0].log == "witnessed"
    assert fsck(watched).findings == ()


def test_without_a_witness_in_the_policy_checkpoints_are_marked_and_no_grace_runs(hub, publisher, clock):
    issue(hub, publisher, 3)
    clock.pass_(days=30)
    assert served(hub, licenses(hub)) == (hub.tiles.read_checkpoint(), False)
    require_witnessed(hub)
    issue(hub, publisher, 4)
    assert verify(hub, [asked(3)])[0].log == "unwitnessed"


def test_t35_database_behind_its_witness_is_told_from_a_fault(watched, publishes, place, port):
    """The witness saw what a restored database no longer has: evidence, not a network fault."""
    with serving(place, port):
        issue(watched, publishes, 3)
        issue(watched, publishes, 5)
        with writing(watched.engine) as connection:
            connection.execute(sa.delete(tables.checkpoint).where(tables.checkpoint.c.size == 5))
            connection.execute(sa.update(tables.checkpoint).values(cosigned=None, witnessed_at=None))
        with pytest.raises(LogDiverged, match="rolled back"):
            collect(watched, licenses(watched))


def test_t9_witness_that_saw_another_root_is_evidence_and_gives_no_quorum(watched, publishes, place, port):
    origin, signer = watched.origin, watched.keyring.signer("checkpoint")
    from license_hub.log.submission import request_body

    with serving(place, port) as witness:
        forked = checkpoints.sign(origin, 3, b"f" * 32, [signer])
        assert witness.add(request_body(0, [], forked.note)).status_code == 200
        publishes.publish("legal_entity", [entity(i) for i in range(3)])
        with pytest.raises(LogDiverged, match="another root of 3"):
            apply_pending(watched)
    assert served(watched, licenses(watched))[1] is False


def test_cosignature_that_does_not_verify_is_not_kept(watched, publishes, place, port, tmp_path):
    """Another witness's process answers under the address: its lines are of no key in the policy."""
    keys.make(tmp_path / "other", NAME)
    for log in (licenses(watched), audit(watched)):
        for one in checkpoints.keys(log.origin, [(key.alg, key.public) for key in watched.keyring.public_keys("checkpoint")]):
            keys.trust(tmp_path / "other", one.text)
    with serving(tmp_path / "other", port):
        issue(watched, publishes, 3)
    assert watched.tiles.read_checkpoint().count("—") == 1
    with watched.engine.connect() as connection:
        assert connection.execute(sa.select(tables.checkpoint.c.cosigned)).scalars().all() == [None]


def test_integrating_again_keeps_the_cosigned_checkpoint_published(watched, publishes, place, port):
    with serving(place, port):
        issue(watched, publishes, 3)
    text = watched.tiles.read_checkpoint()
    integrate(watched)
    assert watched.tiles.read_checkpoint() == text
    watched.tiles.publish_checkpoint(
        checkpoints.sign(watched.origin, 0, checkpoints.parse(text).root, [watched.keyring.signer("checkpoint")]).note
    )
    collect(watched, licenses(watched))
    assert watched.tiles.read_checkpoint() == text


def test_successor_of_a_checkpoint_key_signs_nothing_until_a_witness_has_cosigned_what_it_goes_on_from(watched, publishes, place, port):
    issue(watched, publishes, 3)
    compromise(watched, watched.keyring.signer("checkpoint").kid, reason="test", operator="li")
    with pytest.raises(LogError, match="no witness has cosigned"):
        integrate(watched)
    assert verify(watched, [asked(1)])[0].verdict.status != "VALID", "no head is left that may be relied on"
    with serving(place, port):
        assert collect(watched, licenses(watched))
        for one in watched.security.checkpoint_keys(watched.origin):
            keys.trust(place, one.text)
    with serving(place, port):
        assert integrate(watched).size == 5
        attend(watched)
    assert fsck(watched).findings == ()


def test_round_of_a_person_witnesses_what_a_successor_waits_for(watched, publishes, place, port):
    issue(watched, publishes, 3)
    compromise(watched, watched.keyring.signer("checkpoint").kid, reason="test", operator="li")
    for one in watched.security.checkpoint_keys(watched.origin):
        keys.trust(place, one.text)
    with serving(place, port):
        assert attend(watched, everyone=True)[watched.origin].size == 5
    assert served(watched, licenses(watched))[1]


def test_policy_that_asks_for_no_witness_lets_the_successor_sign(options, clock, catalog, tmp_path):
    (tmp_path / "none.policy").write_text("# nobody yet\nquorum none\n")
    hub = open_hub(replace(options, witness_policy=tmp_path / "none.policy"), clock=clock, catalog=catalog)
    issue(hub, Publisher(hub), 3)
    compromise(hub, hub.keyring.signer("checkpoint").kid, reason="test", operator="li")
    assert integrate(hub).size == 5
    hub.close()


def test_key_manifest_tells_the_witness_policy_of_the_setting(options, clock, catalog, policy_file, caplog):
    plain = open_hub(options, clock=clock, catalog=catalog)
    assert manifests.verify(newest(plain), plain.origin, plain.roots).policy == ""
    plain.close()
    watched = open_hub(replace(options, witness_policy=policy_file), clock=clock, catalog=catalog)
    made = manifests.verify(newest(watched), watched.origin, watched.roots)
    assert (made.sequence, made.policy) == (2, watched.policy.text)
    told = parse(made.policy.encode())
    assert told.quorum == watched.policy.quorum and [one.key for one in told.witnesses] == [one.key for one in watched.policy.witnesses]
    assert "127.0.0.1" not in made.policy, "addresses are for the hub alone"
    pinned = watched.roots[0].text
    watched.close()
    caplog.clear()
    away = open_hub(replace(options, root_keys=None, root_key=pinned), clock=clock, catalog=catalog)
    assert "hub keys manifest export" in caplog.text
    assert newest(away) is not None and export(away).policy == ""
    stale = manifests.sign(replace(export(away), policy=made.policy), Keyring(options.root_keys).signer("root"))
    with pytest.raises(KeyRefused, match="HUB_WITNESS_POLICY"):
        accept(away, stale, "li")
    assert accept(away, manifests.sign(export(away), Keyring(options.root_keys).signer("root")), "li").policy == ""
    away.close()
    caplog.clear()
    open_hub(replace(options, root_keys=None, root_key=pinned), clock=clock, catalog=catalog).close()
    assert "hub keys manifest" not in caplog.text


def test_t7_fsck_names_the_checkpoint_that_is_called_witnessed_and_is_not(watched, publishes, place, port, options, clock, catalog):
    with serving(place, port):
        issue(watched, publishes, 3)
        issue(watched, publishes, 4)
        attend(watched)
    assert fsck(watched).findings == ()
    table = tables.checkpoint
    with writing(watched.engine) as connection:
        whole = connection.execute(sa.select(table.c.cosigned).where(table.c.size == 3)).scalar()
        # One of the two lines the quorum needs is cut off; both are good by themselves.
        connection.execute(sa.update(table).where(table.c.size == 3).values(cosigned=whole.rpartition("— ")[0]))
    assert [(one.table, one.row) for one in fsck(watched).findings] == [("hub_checkpoint", "size 3")]
    with writing(watched.engine) as connection:
        connection.execute(sa.update(table).where(table.c.size == 3).values(cosigned=whole))
    unasked = open_hub(options, clock=clock, catalog=catalog)
    assert unasked.policy.demands is False and fsck(unasked).findings == (), "witnessed under the policy of its time"
    unasked.close()


def test_t7_proof_never_carries_a_checkpoint_of_a_fallen_key(watched, publishes, place, port, clock):
    with serving(place, port):
        issue(watched, publishes, 3)
        stolen = clock()
        clock.pass_(hours=1)
        issue(watched, publishes, 4)
        leaves = [leaf_of(watched, n) for n in (0, 3)]
        assert [checkpoints.parse(proofs.parse(prove(watched, one)).checkpoint).size for one in leaves] == [4, 4]
    compromise(watched, watched.keyring.signer("checkpoint").kid, reason="test", operator="li", since=stolen)
    assert checkpoints.parse(proofs.parse(prove(watched, leaves[0])).checkpoint).size == 3, "the head the root vouches for"
    assert prove(watched, leaves[1]) is None
    integrate(watched)
    sizes = [checkpoints.parse(proofs.parse(prove(watched, one)).checkpoint).size for one in leaves]
    assert sizes == [3, 6], "the successor's, unwitnessed yet, where nothing witnessed may be relied on"


def test_audit_logs_next_key_signs_only_over_what_was_signed_last(watched, publishes, place, port):
    kept = audit(watched)
    with serving(place, port):
        issue(watched, publishes, 3)
        verify(watched, [asked(1)])
        attend(watched)
    compromise(watched, watched.keyring.signer("checkpoint").kid, reason="test", operator="li")
    with writing(watched.engine) as connection:
        witnessed = connection.execute(sa.select(audit_checkpoint.c.witnessed_at)).scalars().all()
        connection.execute(sa.update(audit_checkpoint).values(witnessed_at=None))
    with pytest.raises(LogError, match="no witness has cosigned"):
        integrate(watched, kept)
    with writing(watched.engine) as connection:
        connection.execute(sa.update(audit_checkpoint).values(witnessed_at=witnessed[-1]))
    assert integrate(watched, kept).size > 0
