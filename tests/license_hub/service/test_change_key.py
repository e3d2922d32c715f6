"""Rotation, retirement and compromise of keys: what goes on, what dies, and that nothing is issued anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.errors import KeyFault, KeyRefused, LogDiverged
from license_hub.log import checkpoint
from license_hub.service.change_key import compromise, retire, rotate
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.list_audit import list_audit
from license_hub.service.publish_manifest import newest, renew
from license_hub.service.verify import VerifyRequest, verify
from license_hub.signing import manifest as manifests
from license_hub.signing.manifest import KeyState
from license_hub.storage import epoch, tables
from license_hub.storage.engine import reading, writing

from .publishing import ORGAN, credit_code, entity

WHO = {"reason": "test", "operator": "li"}
SEAL = f"organ/{ORGAN}"


@pytest.fixture
def issued(hub: Hub, publisher) -> Hub:
    publisher.publish("legal_entity", [entity(i) for i in range(4)])
    apply_pending(hub)
    return hub


@pytest.fixture
def other(issued: Hub, options, clock, catalog):
    """Another process's hub over the same database and keys, which has answered before."""
    opened = open_hub(options, clock=clock, catalog=catalog)
    assert code(opened, 0) == "IN_FORCE"
    yield opened
    opened.close()


def code(hub: Hub, number: int) -> str:
    asked = VerifyRequest(type_id="business_license", number=credit_code(number), holder_number=credit_code(number))
    return verify(hub, [asked])[0].verdict.code.value


def kid(hub: Hub, role: str) -> str:
    return hub.keyring.signer(role).kid


def current(hub: Hub) -> int:
    with reading(hub.engine) as connection:
        return epoch.current(connection)


def versions(hub: Hub) -> list[tuple]:
    with reading(hub.engine) as connection:
        return [tuple(row) for row in connection.execute(sa.select(tables.version).order_by(tables.version.c.entry))]


def served(hub: Hub) -> manifests.Manifest:
    return manifests.verify(newest(hub), hub.origin, hub.roots, hub.now())


def test_first_keys_are_named_by_a_manifest_the_root_signed(issued):
    roles = {one.role for one in served(issued).keys}
    assert roles == {"checkpoint", "status", "presentation", "copy", "copy-sm2", SEAL}
    assert {one.state for one in served(issued).keys} == {KeyState.ACTIVE}
    assert fsck(issued).findings == ()


def test_every_change_moves_the_epoch_in_its_transaction(issued):
    seen = [current(issued)]
    rotate(issued, "token", **WHO)
    seen.append(current(issued))
    rotate(issued, "checkpoint", **WHO)
    seen.append(current(issued))
    compromise(issued, kid(issued, "status"), **WHO)
    seen.append(current(issued))
    renew(issued, "li")
    seen.append(current(issued))
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("role", ["checkpoint", SEAL, "token", "status"])
def test_t27_rotated_key_signs_and_the_old_one_still_counts(issued, other, publisher, role):
    old = kid(issued, role)
    done = rotate(issued, role, **WHO)
    assert [one.state for one in done.keys] == [KeyState.ACTIVE, KeyState.RETIRED] and done.keys[1].kid == old
    publisher.publish("legal_entity", [entity(i) for i in range(6)])
    apply_pending(other)
    assert kid(other, role) == done.keys[0].kid != old
    assert [code(hub, number) for hub in (issued, other) for number in range(6)] == ["IN_FORCE"] * 12
    assert fsck(issued).findings == ()
    leaves = {one.logged.entry for one in done.keys}
    with reading(issued.engine) as connection:
        found = connection.execute(sa.select(tables.leaf.c.leaf).where(tables.leaf.c.entry.in_(leaves))).scalars()
        assert all(b'"kind":"key"' in bytes(one) for one in found)


def test_t27_standby_key_is_published_before_it_signs(issued, clock):
    old = kid(issued, "checkpoint")
    made = rotate(issued, "checkpoint", not_before=clock() + timedelta(hours=1), **WHO).keys
    assert len(made) == 1 and made[0].kid in {one.kid for one in served(issued).keys}
    integrate(issued)
    assert kid(issued, "checkpoint") == old
    clock.pass_(hours=1)
    assert kid(issued, "checkpoint") == made[0].kid
    retire(issued, old, **WHO)
    integrate(issued)
    assert code(issued, 1) == "IN_FORCE"


def test_last_signing_key_is_not_retired(issued):
    with pytest.raises(KeyRefused, match="nothing would sign"):
        retire(issued, kid(issued, "token"), **WHO)
    with pytest.raises(KeyRefused, match="no key"):
        retire(issued, "0" * 16, **WHO)


def test_compromised_checkpoint_key_is_replaced_over_the_same_tree_and_no_license_is_issued_again(issued, other, publisher):
    before, old = versions(issued), kid(issued, "checkpoint")
    head = checkpoint.parse(issued.tiles.read_checkpoint())
    compromise(issued, old, **WHO)
    assert [code(other, number) for number in range(4)] == ["IN_FORCE"] * 4, "verification goes on under the head that is vouched for"
    new = integrate(issued)
    assert versions(issued) == before
    keys = checkpoint.keys(issued.origin, [(one.alg, one.public) for one in issued.security.keys("checkpoint") if one.kid != old])
    assert checkpoint.verify(new.note, issued.origin, keys).size > head.size
    [fallen] = [one for one in served(issued).keys if one.state is KeyState.COMPROMISED]
    assert (fallen.kid, fallen.until) == (old, manifests.Head(head.size, head.root))
    publisher.publish("legal_entity", [entity(i) for i in range(5)])
    apply_pending(other)
    assert [code(other, number) for number in range(5)] == ["IN_FORCE"] * 5
    assert fsck(other).findings == ()


def test_t7_successor_signs_nothing_over_a_tree_that_does_not_begin_with_the_last_good_head(issued):
    old = kid(issued, "checkpoint")
    compromise(issued, old, **WHO)
    with writing(issued.engine) as connection:
        connection.execute(sa.text("UPDATE hub_key SET until_root = :root WHERE kid = :kid"), {"root": bytes(32), "kid": old})
        epoch.bump(connection)
    with pytest.raises(LogDiverged, match="last good head"):
        integrate(issued)


def test_t28_what_a_compromised_organ_key_sealed_counts_only_from_before(issued, other, publisher, clock):
    stolen = clock()
    clock.pass_(hours=2)
    publisher.publish("legal_entity", [entity(i) for i in range(6)])
    apply_pending(issued)
    clock.pass_(hours=1)
    assert code(other, 5) == "IN_FORCE"
    done = compromise(issued, kid(issued, SEAL), since=stolen, **WHO)
    assert done.keys[0].until.size == 4
    assert [code(other, number) for number in range(6)] == ["IN_FORCE"] * 4 + ["PROOF_BAD"] * 2
    assert kid(issued, SEAL) == done.keys[1].kid


def test_organ_key_compromised_just_now_leaves_all_that_stands_in_the_log(issued, publisher):
    compromise(issued, kid(issued, SEAL), **WHO)
    publisher.publish("legal_entity", [entity(i) for i in range(6)])
    apply_pending(issued)
    assert [code(issued, number) for number in range(6)] == ["IN_FORCE"] * 6


def test_compromise_is_final(issued):
    old = kid(issued, "token")
    compromise(issued, old, **WHO)
    with pytest.raises(KeyRefused, match="already"):
        compromise(issued, old, **WHO)
    with pytest.raises(KeyRefused, match="not active"):
        retire(issued, old, **WHO)


def test_key_put_beside_a_registered_one_signs_nothing(issued, options, clock, catalog):
    planted = issued.keyring.generate(SEAL)
    again = open_hub(options, clock=clock, catalog=catalog)
    assert again.keyring.signer(SEAL).kid != planted.kid
    assert again.security.key(planted.kid) is None
    again.close()


def test_key_that_lies_unregistered_is_taken_by_name(issued):
    lying = issued.keyring.generate("status")
    assert rotate(issued, "status", kid=lying.kid, **WHO).keys[0].kid == lying.kid == kid(issued, "status")
    with pytest.raises(KeyRefused, match="no unregistered key"):
        rotate(issued, "status", kid=lying.kid, **WHO)


def test_root_key_among_the_hubs_own_is_refused(issued, options, clock, catalog):
    issued.keyring.generate("root")
    with pytest.raises(KeyFault, match="offline"):
        open_hub(options, clock=clock, catalog=catalog)


def test_acts_on_keys_are_audited_with_the_operator(issued):
    done = rotate(issued, "checkpoint", reason="yearly", operator="li")
    entries = list_audit(issued, action="key")
    assert [(one.actor, one.code, one.entry) for one in entries] == [("li", "ROTATED", one.logged.entry) for one in done.keys]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE hub_key SET state = 'active' WHERE state = 'compromised'",
        "UPDATE hub_key SET until_size = until_size + 9 WHERE state = 'compromised'",
        "UPDATE hub_key SET entry = NULL WHERE state = 'compromised'",
        "UPDATE hub_key SET state = 'retired' WHERE role = 'presentation'",
        "DELETE FROM hub_key WHERE state = 'compromised'",
    ],
)
def test_t7_fsck_names_the_key_whose_row_was_changed(issued, change):
    compromise(issued, kid(issued, "status"), **WHO)
    integrate(issued)
    assert fsck(issued).findings == ()
    with writing(issued.engine) as connection:
        connection.execute(sa.text(change))
    assert [one.table for one in fsck(issued).findings] == ["hub_key"]


def test_who_signed_a_checkpoint_is_worked_out_once_an_epoch(issued):
    head = checkpoint.parse(issued.tiles.read_checkpoint())
    [active] = issued.security.signers(head)
    assert issued.security.signers(head) is issued.security.signers(head)
    compromise(issued, active.kid, **WHO)
    assert [(one.kid, one.compromised) for one in issued.security.signers(head)] == [(active.kid, True)]
