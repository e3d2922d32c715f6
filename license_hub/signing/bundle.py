"""A license with everything an offline verifier needs, and the check of it.

    {"v": 1, "kind": "license-bundle", "identifier", "fields": {name: value}, "salts": {name: hex}, "hidden": [hex, …],
     "leaf": text, "status"?: reference to a status list (JWS),
     "attestation": {"statement": text, "signature", "kid", "alg", "index", "path": [base64, …]}, "proof": .tlog-proof text}

- JCS. Fields left out are in `hidden` as digests, so a holder may show some and not others.
- The steps of `verify_bundle` prove *issued*, never *in force*: the leaf's status is what the source said at issue. In force is what
  the hub says, or a fresh status list at the place that the bundle's reference names (`Report.standing`).

Source: design.md decisions 1 to 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from license_hub.domain import identifier as identifiers
from license_hub.domain.license import IDENTIFIER, dates
from license_hub.domain.lifecycle import State, current
from license_hub.errors import BundleMalformed, JoseRefused, NotCanonical, NoteMalformed, SignatureBad, TokenMalformed
from license_hub.log import bundle as proofs
from license_hub.log import checkpoint
from license_hub.log.note import NoteKey, decode, encode
from license_hub.log.policy import Policy
from license_hub.log.policy import parse as parse_policy
from license_hub.log.tree import leaf_hash
from license_hub.signing import checks, commitment, jose, reference, seal
from license_hub.signing.canonical import jcs, parse
from license_hub.signing.commitment import Shown
from license_hub.signing.manifest import KnownKey, Manifest
from license_hub.signing.seal import Attestation, AttestationPath
from license_hub.signing.standing import Standing, stand
from license_hub.signing.suites import PublicKey

_NAMES = {"v", "kind", "identifier", "fields", "salts", "hidden", "leaf", "attestation", "proof"}
_MORE_NAMES = {"status"}
_SEAL_NAMES = {"statement", "signature", "kid", "alg", "index", "path"}


@dataclass(frozen=True)
class Bundle:
    identifier: str
    shown: tuple[Shown, ...]
    hidden: tuple[bytes, ...]
    """Digests of the fields not shown, sorted."""
    leaf: bytes
    attestation: Attestation
    attestation_path: AttestationPath
    proof: proofs.Proof
    status: str | None = None
    """Signed reference to the license's place in a status list (`signing.reference`)."""

    @property
    def fields(self) -> dict[str, str]:
        return {one.name: one.value for one in self.shown}


@dataclass(frozen=True)
class Trust:
    """What the verifier knows beforehand: the log's origin and keys, and each organ's keys by its credit code.

    `policy`: the witnesses it demands; its own `log` lines, if it has any, take the place of `log_keys`. No log key at all and a
    quorum of ML-DSA-44 witnesses is a post-quantum-only trust.
    """

    origin: str
    log_keys: tuple[NoteKey, ...]
    organ_keys: Mapping[str, Sequence[PublicKey]]
    policy: Policy = field(default_factory=Policy)
    fallen: tuple[KnownKey, ...] = ()
    """Compromised checkpoint keys: they count for heads witnessed before and the one the root vouches for (`signing.manifest`)."""
    status_keys: Sequence[PublicKey] = ()
    """Keys of status lists and references that may be relied on."""


@dataclass(frozen=True)
class Step:
    name: str
    good: bool
    fault: str = ""


@dataclass(frozen=True)
class Report:
    steps: tuple[Step, ...]
    by_dates: State | None
    """EXPIRED or NOT_ACTIVE where the face's own dates say so; None otherwise, or while a step is not good."""
    standing: Standing
    """Whether it is in force, as far as can be told without the hub."""

    @property
    def good(self) -> bool:
        return all(step.good for step in self.steps)

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps if not step.good)


def make_bundle(
    secret: bytes,
    committed: Mapping[str, str],
    leaf: bytes,
    attestation: Attestation,
    path: AttestationPath,
    proof: proofs.Proof,
    *,
    show: Sequence[str] | None = None,
    status: str | None = None,
) -> Bundle:
    """A bundle of all fields, or of those in `show` (the identifier always). Raises KeyError for an unknown name."""
    names = set(committed if show is None else show) | {IDENTIFIER}
    shown, hidden = commitment.disclose(secret, committed, names)
    return Bundle(committed[IDENTIFIER], tuple(shown), tuple(hidden), leaf, attestation, path, proof, status)


def write(bundle: Bundle) -> bytes:
    """Canonical JSON."""
    return jcs(
        ({"status": bundle.status} if bundle.status is not None else {})
        | {
            "v": 1,
            "kind": "license-bundle",
            "identifier": bundle.identifier,
            "fields": bundle.fields,
            "salts": {one.name: one.salt.hex() for one in bundle.shown},
            "hidden": [one.hex() for one in bundle.hidden],
            "leaf": bundle.leaf.decode(),
            "attestation": {
                "statement": bundle.attestation.statement.decode(),
                "signature": encode(bundle.attestation.signature),
                "kid": bundle.attestation.kid,
                "alg": bundle.attestation.alg,
                "index": bundle.attestation_path.index,
                "path": [encode(one) for one in bundle.attestation_path.path],
            },
            "proof": bundle.proof.text,
        }
    )


def read(data: bytes) -> Bundle:
    """Nothing verified. Raises BundleMalformed."""
    try:
        value = parse(data)
        if not isinstance(value, dict) or set(value) - _MORE_NAMES != _NAMES or value["v"] != 1 or value["kind"] != "license-bundle":
            raise BundleMalformed("not a license bundle of version 1")
        sealed, fields, salts = value["attestation"], value["fields"], value["salts"]
        if set(sealed) != _SEAL_NAMES or set(fields) != set(salts) or type(sealed["index"]) is not int:
            raise BundleMalformed("fields and salts, or the parts of the attestation, do not agree")
        shown = tuple(Shown(name, fields[name], _hex(salts[name])) for name in sorted(fields))
        attestation = Attestation(sealed["statement"].encode(), decode(sealed["signature"]), sealed["kid"], sealed["alg"])
        path = AttestationPath(sealed["index"], tuple(decode(one) for one in sealed["path"]))
        hidden, leaf = tuple(_hex(one) for one in value["hidden"]), value["leaf"].encode()
        if "status" in value:
            jose.read(value["status"], types=(reference.TYPE,))
        bundle = Bundle(value["identifier"], shown, hidden, leaf, attestation, path, proofs.parse(value["proof"]), value.get("status"))
        # Whatever was read but is spelt otherwise than `write` spells it has more than one form.
        if write(bundle) != data:
            raise BundleMalformed("a part of the bundle is not in its one spelling")
        return bundle
    except (NotCanonical, NoteMalformed, JoseRefused, TokenMalformed, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise BundleMalformed(f"not a license bundle: {type(fault).__name__}") from None


def verify_bundle(bundle: Bundle, trust: Trust, now: datetime, *, status_list: str | None = None, max_age_s: int | None = None) -> Report:
    """All steps, each on its own, so that a report names every one that fails.

    1 identifier   well formed, and the one the license commits to
    2 content      shown fields and hidden digests are exactly what the leaf commits to
    3 leaf         canonical, of an issue or a change, not from the future
    4 seal         the organ named in the identifier attested this leaf
    5 log          a checkpoint of the trusted log, cosigned as the policy demands, covers this leaf
    6 status       the reference to a status list is signed, for this leaf (only of a bundle that has one)

    `status_list` is the token served at the address the reference names, from whoever; `max_age_s` is how old the verifier lets it be,
    beside its own end.
    """
    steps = (
        _step("identifier", lambda: _check_identifier(bundle)),
        _step("content", lambda: checks.check_content(bundle.leaf, bundle.shown, bundle.hidden)),
        _step("leaf", lambda: checks.check_leaf(bundle.leaf, now)),
        _step("seal", lambda: _check_seal(bundle, trust)),
        _step("log", lambda: _check_log(bundle, trust)),
    )
    if bundle.status is not None:
        steps += (_step("status", lambda: reference.read(bundle.status, leaf_hash(bundle.leaf), trust.status_keys)),)
    good = all(step.good for step in steps)
    dates_say = _by_dates(bundle, now) if good else None
    place = reference.read(bundle.status, leaf_hash(bundle.leaf), trust.status_keys) if good and bundle.status else None
    return Report(steps, dates_say, stand(good, dates_say, place, status_list, trust.status_keys, now, max_age_s))


def trust_of(manifest: Manifest) -> Trust:
    """What a verified manifest tells a verifier to go by."""
    log = [one for one in manifest.keys if one.role == "checkpoint"]
    good = checkpoint.keys(manifest.origin, [(one.alg, one.public) for one in log if not one.compromised])
    organs: dict[str, list[PublicKey]] = {}
    for one in manifest.keys:
        kind, _, code = one.role.partition("/")
        if kind == "organ":
            organs.setdefault(code, []).append(one)
    return Trust(
        manifest.origin,
        good,
        organs,
        policy=parse_policy(manifest.policy.encode()) if manifest.policy else Policy(),
        fallen=tuple(one for one in log if one.compromised),
        status_keys=[one for one in manifest.keys if one.role == "status" and not one.compromised],
    )


def _step(name: str, check) -> Step:
    try:
        check()
    except (SignatureBad, BundleMalformed, NoteMalformed, JoseRefused, TokenMalformed, NotCanonical, ValueError) as fault:
        return Step(name, False, str(fault))
    return Step(name, True)


def _check_identifier(bundle: Bundle) -> None:
    identifiers.parse(bundle.identifier)
    checks.check_identifier(bundle.identifier, bundle.fields)


def _check_seal(bundle: Bundle, trust: Trust) -> None:
    issuer = identifiers.parse(bundle.identifier).issuer_code
    keys = trust.organ_keys.get(issuer, ())
    statement = seal.check(bundle.attestation, keys)
    place, hashed = bundle.attestation_path, leaf_hash(bundle.leaf)
    checks.check_seal(statement, bundle.identifier, bundle.fields, lambda: seal.covers(statement, hashed, place))
    # The entry is the proof's, which the log step verifies; a good report has both.
    named = (one for one in keys if isinstance(one, KnownKey) and one.kid == bundle.attestation.kid)
    if not all(one.counts(statement.at, bundle.proof.index) for one in named):
        raise SignatureBad("the organ's key does not count: not in use yet, or compromised before the leaf stood in the log")


def _check_log(bundle: Bundle, trust: Trust) -> None:
    if any(_still_counts(bundle, trust, one) for one in trust.fallen):
        return
    if trust.fallen and not trust.log_keys:
        # Not a trust in witnesses alone: every key the log had is fallen.
        raise SignatureBad("only compromised keys signed the checkpoint: ask for a newer proof")
    proofs.verify(bundle.proof, leaf_hash(bundle.leaf), trust.origin, trust.log_keys, trust.policy)


def _still_counts(bundle: Bundle, trust: Trust, key: KnownKey) -> bool:
    """Whether the fallen key signed the checkpoint, and it is the head the root vouches for or was witnessed before the key fell."""
    try:
        own = checkpoint.keys(trust.origin, [(key.alg, key.public)])
        head = proofs.verify(bundle.proof, leaf_hash(bundle.leaf), trust.origin, own, trust.policy)
    except SignatureBad:
        return False
    fell = datetime.fromisoformat(key.since).timestamp() if key.since else 0
    early = [name for name, at in trust.policy.cosigners(head).items() if at < fell]
    return key.vouches(head) or (trust.policy.demands and trust.policy.satisfied(early))


def _by_dates(bundle: Bundle, now: datetime) -> State | None:
    start, end = dates(bundle.fields)
    state = current(State.IN_FORCE, newest=True, valid_from=start, valid_to=end, now=now)
    return None if state is State.IN_FORCE else state


def _hex(text: str) -> bytes:
    data = bytes.fromhex(text)
    if data.hex() != text:
        raise ValueError("hex in an unusual spelling")
    return data
