"""What the production profile asks for before a hub opens, all of it at once.

- Keys that live in a token or behind a sign service: one for `checkpoint` and one for `token`. A key in a plain file is refused for every
  role, also one that no longer signs: whoever read it can make seals that look old.
- SM2: beside the Ed25519 key of the checkpoint, and for every organ's seal; and a libcrypto that can verify it.
- A pinned root, and not the root's own key.
- A witness policy that asks for one: without it a checkpoint convinces nobody that there is only one log.

Nothing is asked of tokens and services here: verification must start while a sign service is down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from license_hub.errors import PolicyMalformed, SettingsError, SigningError
from license_hub.log.policy import parse
from license_hub.service import at_rest
from license_hub.service.at_rest import AtRestOptions
from license_hub.signing.keyring import Keyring
from license_hub.signing.suites import Signer, suite

PROFILE = "production"
ROLES = ("checkpoint", "token")
"""Roles that must have a key before the first start."""
_ATTACH = "attach one from a token or sign service (`hub keys attach`)"


class ProductionOptions(AtRestOptions, Protocol):
    """Of `license_hub.settings.Settings`."""

    witness_policy: Path | None
    root_keys: Path | None
    root_key: str


def check(settings: ProductionOptions) -> None:
    """Raises SettingsError that lists everything missing."""
    keyring = Keyring(Path(settings.keys), make=False)
    problems = [*_witness(settings.witness_policy), *_root(settings), *_libcrypto(), *_keys(keyring), *at_rest.missing(settings)]
    if problems:
        raise SettingsError([f"HUB_PROFILE=production: {problem}" for problem in problems])


def _witness(policy: Path | None) -> list[str]:
    if policy is None:
        return ["no witness: name the file with the witness policy in HUB_WITNESS_POLICY"]
    try:
        asked = parse(Path(policy).read_bytes()).demands
    except OSError:
        return [f"no witness: HUB_WITNESS_POLICY names {policy}, which cannot be read"]
    except PolicyMalformed as fault:
        return [f"no witness: HUB_WITNESS_POLICY names {policy}: {fault}"]
    return [] if asked else [f"no witness: the policy {policy} asks for none; its quorum must name one"]


def _root(settings: ProductionOptions) -> list[str]:
    problems = []
    if settings.root_keys:
        problems.append("HUB_ROOT_KEYS is set: the root signs manifests offline (`hub keys manifest sign`), its key is never on this host")
    if not settings.root_key:
        problems.append("HUB_ROOT_KEY is not set: pin the root's verifier key, or no key manifest can be imported")
    return problems


def _libcrypto() -> list[str]:
    try:
        suite("SM2").generate()
    except SigningError as fault:
        return [str(fault)]
    return []


def _keys(keyring: Keyring) -> list[str]:
    problems = []
    for role in sorted({*ROLES, *keyring.roles()}):
        plain, signers = (), ()
        try:
            plain = keyring.plain_keys(role)
            signers = keyring.signers(role)
        except SigningError as fault:
            problems.append(str(fault))
        problems += [f"{role}: the key {one.kid} is a development key in a plain file; {_ATTACH}" for one in plain]
        problems += _sm2(role, signers)
    return problems


def _sm2(role: str, signers: tuple[Signer, ...]) -> list[str]:
    if any(one.alg == "SM2" for one in signers):
        return []
    if role == "checkpoint":
        return ["checkpoint: no SM2 key beside the Ed25519 one; attach one from a sign service (`hub keys attach`)"]
    if role.startswith("organ/"):
        return [f"{role}: the organ's seal is not SM2; attach its SM2 key from a sign service (`hub keys attach`)"]
    return []
