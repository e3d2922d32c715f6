"""A witness's directory: its name, its two keys and the logs it watches. Made by `hub witness init`, mode 700, files 600.

name                   the name it cosigns under
ed25519.json           key of type 0x04
ml-dsa-44.json         key of type 0x06: holds when classical signatures fall
logs                   verifier keys of the logs it cosigns, one a line; `#` begins a comment
seen/                  see `witness.state`
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from license_hub.errors import KeyFault, NoteMalformed, SigningError, WitnessFault
from license_hub.log.cosignature import ED25519, ML_DSA_44, WitnessKey
from license_hub.log.note import NoteKey, decode, encode, note_key, read_verifier_key
from license_hub.signing.files import guard
from license_hub.signing.suites import HeldSigner, suite
from license_hub.witness.state import SEEN

FILES = {ED25519: "ed25519.json", ML_DSA_44: "ml-dsa-44.json"}
MAX_NAME_BYTES = 255


class WitnessSigner(HeldSigner):
    """One of the witness's keys, held in its own process. `private`: the 32-byte seed of either algorithm."""

    def __init__(self, alg: str, private: bytes):
        super().__init__(alg, private)
        self.private = private


@dataclass(frozen=True)
class Identity:
    name: str
    signers: tuple[WitnessSigner, ...]

    @property
    def keys(self) -> tuple[WitnessKey, ...]:
        """For policies."""
        return tuple(WitnessKey(self.name, one.alg, one.public) for one in self.signers)


def make(directory: Path, name: str) -> Identity:
    """A new witness. Raises WitnessFault if the directory holds one already; NoteMalformed for a name that is not a key name."""
    directory = Path(directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _guard(directory)
    if (directory / "name").exists():
        raise WitnessFault(f"{directory} is a witness already; a second one needs a directory of its own")
    fresh = Identity(name, tuple(WitnessSigner(alg, suite(alg).generate()) for alg in FILES))
    if len(name.encode()) > MAX_NAME_BYTES or any(read_verifier_key(one.text)[0] != name for one in fresh.keys):
        raise NoteMalformed("a witness's name is one word of at most 255 bytes, such as witness.example/w1")
    for one in fresh.signers:
        content = {"v": 1, "role": "witness", "alg": one.alg, "kid": one.kid, "private": encode(one.private)}
        _create(directory / FILES[one.alg], json.dumps(content, sort_keys=True) + "\n")
    (directory / SEEN).mkdir(mode=0o700, exist_ok=True)
    _create(directory / "logs", "")
    _create(directory / "name", name + "\n")
    return fresh


def load(directory: Path) -> Identity:
    """Raises WitnessFault."""
    directory = Path(directory)
    if not (directory / "name").is_file():
        raise WitnessFault(f"{directory} is no witness yet: hub witness init {directory} --name …")
    _guard(directory)
    return Identity((directory / "name").read_text("utf-8").strip(), tuple(_signer(directory / FILES[alg], alg) for alg in FILES))


def logs(directory: Path) -> dict[str, tuple[NoteKey, ...]]:
    """Origin → its keys. Raises WitnessFault."""
    found: dict[str, tuple[NoteKey, ...]] = {}
    for number, line in enumerate((Path(directory) / "logs").read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key = note_key(line.strip())
        except NoteMalformed as fault:
            raise WitnessFault(f"{directory}/logs line {number}: {fault}") from None
        found[key.name] = (*found.get(key.name, ()), key)
    return found


def trust(directory: Path, text: str) -> NoteKey:
    """Adds a log by its verifier key. Raises NoteMalformed."""
    key = note_key(text.strip())
    if key not in logs(directory).get(key.name, ()):
        with (Path(directory) / "logs").open("a", encoding="utf-8") as file:
            file.write(key.text + "\n")
            file.flush()
            os.fsync(file.fileno())
    return key


def _signer(path: Path, alg: str) -> WitnessSigner:
    _guard(path)
    try:
        content = json.loads(path.read_text("utf-8"))
        signer = WitnessSigner(alg, decode(content["private"]))
        if (content["v"], content["role"], content["alg"], content["kid"]) != (1, "witness", alg, signer.kid):
            raise WitnessFault(f"{path}: the key does not match its own kid and role; restore it")
    except (OSError, ValueError, KeyError, TypeError, NoteMalformed, SigningError):
        raise WitnessFault(f"{path}: not a key file of a witness; restore it") from None
    return signer


def _create(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _guard(path: Path) -> None:
    """As key files of the hub are, as a fault of the witness."""
    try:
        guard(path)
    except KeyFault as fault:
        raise WitnessFault(str(fault)) from None
