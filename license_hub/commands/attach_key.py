"""`hub keys attach`, `hub keys generate`: the next key of a role, living in a token or sign service, or made here for development."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Json

if TYPE_CHECKING:
    from license_hub.signing.suites import PublicKey

Role = Annotated[str, typer.Argument(help="checkpoint, token, organ/<18-character credit code>, …")]


def attach(
    role: Role,
    public: Annotated[
        Path, typer.Option(help="Its public key, PEM or DER, as `openssl pkey -pubout` writes it", exists=True, dir_okay=False)
    ],
    place: Annotated[Path, typer.Option(help="Where it lives: a JSON object, see below", exists=True, dir_okay=False)],
    json_: Json = False,
) -> None:
    """A key in a PKCS#11 token or behind a sign service becomes the role's next one, once it has signed a trial text.

    Attached before the hub's first start it is registered then; beside registered keys it signs after `hub keys rotate ROLE --kid KID`.
    A checkpoint's SM2 key signs beside its Ed25519 key; any other role signs with its newest key. Files named in the place lie below
    HUB_KEYS or have absolute paths, mode 600.

    Token (Ed25519 or P-256):
    {"kind": "pkcs11", "module": "/usr/lib/softhsm/libsofthsm2.so", "token": "hub", "key": "checkpoint", "pin_file": "pin"}

    Sign service (Ed25519, P-256 or SM2; see docs/architecture.md for what it is asked):
    {"kind": "remote", "url": "https://sign.example/sign", "key": "organ-1", "signature": "der", "ca_file": "ca.pem",
    "cert_file": "hub.pem", "key_file": "hub.pem", "bearer_file": "bearer", "timeout_s": 5, "attempts": 3}

    Example: hub keys attach checkpoint --public sm2.pem --place service.json
    """
    from license_hub.service.change_key import refuse_elsewhere
    from license_hub.signing import spki
    from license_hub.signing.keyring import Keyring

    refuse_elsewhere(role)
    try:
        described = json.loads(place.read_text("utf-8"))
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise Refused(f"{place} is no JSON object: see `hub keys attach --help`")
    alg, raw = spki.read(public.read_bytes())
    _say(Keyring(session.options().keys).attach(role, alg, raw, described), json_)


def generate(
    role: Role,
    alg: Annotated[str, typer.Option(help="Ed25519, SM2, ES256 or ML-DSA-44")] = "Ed25519",
    json_: Json = False,
) -> None:
    """A development key becomes the role's next one: a plain file in HUB_KEYS, which the production profile refuses.

    Beside keys that are registered it signs after `hub keys rotate ROLE --kid KID`; `hub keys rotate` alone does both.

    Example: hub keys generate checkpoint --alg SM2
    """
    from license_hub.service.change_key import refuse_elsewhere
    from license_hub.signing.keyring import Keyring

    refuse_elsewhere(role)
    chosen = session.options()
    _say(Keyring(chosen.keys, make=chosen.profile != "production").generate(role, alg), json_)


def _say(key: PublicKey, json_: bool) -> None:
    if json_:
        output.emit({"role": key.role, "kid": key.kid, "alg": key.alg})
    else:
        typer.echo(f"{key.role}: {key.kid} ({key.alg})")
