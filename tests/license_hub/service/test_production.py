"""The production profile: what it refuses to start without, and a hub whose keys are all in a token or behind a sign service."""

from __future__ import annotations

import shutil
from dataclasses import replace
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa

from license_hub.commands.witness import policy_lines
from license_hub.errors import SettingsError, SigningError
from license_hub.log import checkpoint as checkpoints
from license_hub.service import production
from license_hub.service.fsck import fsck
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.publish_manifest import accept, export
from license_hub.service.verify import VerifyRequest, verify
from license_hub.signing import manifest as manifests
from license_hub.signing.keyring import Keyring
from license_hub.storage import tables
from license_hub.storage.engine import reading
from license_hub.witness import keys as witness

from .publishing import ORGAN, OTHER_ORGAN, Publisher, credit_code, entity, permit

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")


@pytest.fixture
def policy(tmp_path):
    """One witness, without an address: within the grace nobody has to answer."""
    witness.make(tmp_path / "witness", "witness.example/w1")
    path = tmp_path / "witness-policy"
    path.write_text(f"{policy_lines(witness.load(tmp_path / 'witness'), '')}quorum witness-example-w1\n")
    return path


@pytest.fixture
def keys(tmp_path, sign_service, softhsm):
    """A key folder as production wants it."""
    sign_service.faults()
    ring = Keyring(tmp_path / "keys", make=False)
    remote = sign_service.place | {"key": "organ", "signature": "der"}
    ring.attach("checkpoint", "Ed25519", softhsm.public["edwards"], softhsm.place | {"key": "edwards"})
    ring.attach("checkpoint", "SM2", sign_service.public["organ"], remote)
    ring.attach("token", "ES256", softhsm.public["p256"], softhsm.place | {"key": "p256"})
    ring.attach(f"organ/{ORGAN}", "SM2", sign_service.public["other"], remote | {"key": "other"})
    return ring.directory


@pytest.fixture
def root(tmp_path):
    """The root's signer, away from the hub."""
    return Keyring(tmp_path / "away").signer("root")


@pytest.fixture
def whole(options, keys, policy, softhsm, root):
    """Settings that production asks nothing more of."""
    place = softhsm.place
    kek = f"pkcs11:token={place['token']};object=hub-kek?module-path={softhsm.module}&pin-source={place['pin_file']}"
    with TemporaryDirectory(dir="/dev/shm") as spill:
        yield replace(
            options,
            profile="production",
            keys=keys,
            witness_policy=policy,
            kek=kek,
            spill=spill,
            root_keys=None,
            root_key=manifests.root_key(options.log_origin, root).text,
        )


def problems(settings) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        production.check(settings)
    return refused.value.problems


def test_production_with_nothing_lists_everything_at_once_and_makes_nothing(options):
    with pytest.raises(SettingsError) as refused:
        open_hub(replace(options, profile="production"), clock=None)
    found = refused.value.problems
    for part in (
        "HUB_WITNESS_POLICY",
        "no key for checkpoint",
        "no SM2 key beside",
        "no key for token",
        "HUB_KEK",
        "HUB_SPILL",
        "HUB_ROOT_KEYS",
        "HUB_ROOT_KEY is",
    ):
        assert sum(part in one for one in found) == 1, part
    assert len(found) == 8
    assert not options.keys.exists() and not options.lake.exists()


def test_production_over_the_keys_of_a_demo_names_each_one(tmp_path, whole):
    ring = Keyring(tmp_path / "demo-keys")
    made = [ring.signer(role).kid for role in ("checkpoint", "token", f"organ/{ORGAN}")]
    ring.generate("checkpoint", "SM2")
    found = problems(replace(whole, keys=ring.directory))
    assert all(sum(one in problem for problem in found) == 1 for one in made)
    assert any("the organ's seal is not SM2" in one for one in found)
    assert not any("no SM2 key" in one for one in found)


def test_production_with_a_retired_key_in_a_plain_file_is_refused(whole, keys, sign_service):
    production.check(whole)
    old = Keyring(keys).generate(f"organ/{OTHER_ORGAN}", "SM2")
    Keyring(keys).attach(
        f"organ/{OTHER_ORGAN}", "SM2", sign_service.public["organ"], sign_service.place | {"key": "organ", "signature": "der"}
    )
    assert [old.kid in one for one in problems(whole)] == [True]


@pytest.mark.parametrize("missing", ["policy", "checkpoint/0001.json", "checkpoint/0002.json", "token/0001.json"])
def test_production_without_any_one_thing_is_refused(whole, missing):
    production.check(whole)
    (whole.witness_policy if missing == "policy" else whole.keys / missing).unlink()
    assert problems(whole)


@pytest.mark.parametrize("text", ["quorum none\n", "", "quorum nobody\n"])
def test_production_with_a_policy_that_asks_for_no_witness_is_refused(whole, text):
    whole.witness_policy.write_text(text)
    [problem] = problems(whole)
    assert problem.startswith("HUB_PROFILE=production: no witness")


def test_production_lists_what_is_missing_at_rest_with_the_rest(whole):
    found = problems(replace(whole, kek="", spill="", witness_policy=None, root_key=""))
    parts = ("HUB_KEK", "HUB_SPILL", "HUB_WITNESS_POLICY", "HUB_ROOT_KEY")
    assert [sum(part in one for one in found) for part in parts] == [1, 1, 1, 1]


def test_t27_production_with_the_roots_own_key_on_the_host_is_refused(whole, tmp_path):
    [problem] = problems(replace(whole, root_keys=tmp_path / "root"))
    assert "HUB_ROOT_KEYS" in problem and not (tmp_path / "root").exists()


@pytest.fixture
def hub(whole, clock, catalog, root):
    opened = open_hub(whole, clock=clock, catalog=catalog)
    accept(opened, manifests.sign(export(opened), root), "li")
    yield opened
    opened.close()


def asked(number: int) -> VerifyRequest:
    return VerifyRequest(type_id="business_license", number=credit_code(number), holder_number=credit_code(number))


def test_production_seals_with_sm2_signs_both_lines_and_all_of_it_verifies(hub, keys, sign_service):
    publisher = Publisher(hub)
    publisher.publish("legal_entity", [entity(i) for i in range(3)])
    publisher.publish("food_permit", [permit(1)])
    assert apply_pending(hub).issued == 4
    head = integrate(hub)
    for alg in ("Ed25519", "SM2"):
        public = [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint") if one.alg == alg]
        assert checkpoints.verify(head.note, hub.origin, checkpoints.keys(hub.origin, public)) == head
    with reading(hub.engine) as connection:
        assert set(connection.execute(sa.select(tables.attestation.c.alg)).scalars()) == {"SM2"}
        # No development seal caps the grade: the organ's seal is verified.
        assert "A" in set(connection.execute(sa.select(tables.version.c.grade)).scalars())
    answer = verify(hub, [asked(1)])[0]
    assert (answer.verdict.code, answer.verdict.status) == ("IN_FORCE", "VALID")
    assert fsck(hub).findings == ()
    assert "private" not in "".join(path.read_text() for path in keys.rglob("*.json"))


def test_production_while_the_sign_service_is_down_issues_nothing_and_goes_on_verifying(hub, sign_service):
    publisher = Publisher(hub)
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    integrate(hub)
    publisher.publish("legal_entity", [entity(1), entity(2)])
    sign_service.faults(*["503"] * 3)
    with pytest.raises(SigningError, match="answered 503"):
        apply_pending(hub)
    before = [one.verdict.code for one in verify(hub, [asked(1), asked(2)])]
    assert before[0] == "IN_FORCE" != before[1]
    sign_service.faults()
    assert apply_pending(hub).issued == 1
    integrate(hub)
    assert [one.verdict.code for one in verify(hub, [asked(1), asked(2)])] == ["IN_FORCE", "IN_FORCE"]
    assert fsck(hub).findings == ()
