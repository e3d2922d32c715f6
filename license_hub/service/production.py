"""What the production profile asks for before a hub opens, all of it at once.

- Keys that live in a token or behind a sign service: one for `checkpoint` and one for `token`. A key in a plain file is refused for every
  role, also one that no longer signs: whoever read it can make seals that look old.
- SM2: beside the Ed25519 key of the checkpoint, and for every organ's seal; and a libcrypto that can verify it.
- A witness policy: without one a checkpoint convinces nobody that there is only one log.

Nothing is asked of tokens and services here: verification must start while a sign service is down.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from license_hub.errors import SettingsError, SigningError
from license_hub.signing.keyring import Keyring
from license_hub.signing.suites import Signer, suite

PROFILE = "production"
ROLES = ("checkpoint", "token")
"""Roles that must have a key before the first start."""
_ATTACH = "attach one from a token or sign service (`hub keys attach`)"


def check(witness_policy: Path | None, keys: Path, at_rest: Sequence[str] = ()) -> None:
    """Raises SettingsError that lists everything missing; `at_rest`: what `service.at_rest` misses."""
    problems = [*_witness(witness_policy), *_libcrypto(), *_keys(Keyring(keys, make=False)), *at_rest]
    if problems:
        raise SettingsError([f"HUB_PROFILE=production: {problem}" for problem in problems])


def _witness(policy: Path | None) -> list[str]:
    if policy is None:
        return ["no witness: name the file with the witness policy in HUB_WITNESS_POLICY"]
    return [] if Path(policy).is_file() else [f"no witness: HUB_WITNESS_POLICY names {policy}, which is no file"]


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
