"""Data keys, wrapped by a KEK, several of a name: the newest is used for what is new, all for what is there.

    <HUB_KEYS>/data/<name>-0001.json   {"v": 1, "name", "kid", "kek", "wrapped"}

- Names: `columns` (cells of the database), `index` (blind indexes), `lake` (files of the lake), `status` (where entries stand in status
  lists; it is never rotated, for a place never moves). A kid is 16 hex digits of a hash of the
  key that says nothing about it.
- `rotate` adds a key; what is encrypted under older ones stays readable and is moved by `hub data-keys rekey` and `hub lake reencrypt`.
- `rewrap` wraps every key by another KEK, file by file, each replaced whole: who runs keeps its keys in memory and notices nothing, who
  starts in between opens each file by the KEK it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from license_hub.errors import KeyFault
from license_hub.signing.files import create_form as create
from license_hub.signing.files import read_form as read
from license_hub.signing.kek import KEY_BYTES, KeyWrap

NAMES = ("columns", "index", "lake", "status")
ROTATED = NAMES[:3]
_FORM = ("v", "name", "kid", "kek", "wrapped")
_BEFORE = {"columns": "data", "index": "index", "status": "status"}
"""Names under which an older hub kept the key in the open, below `symmetric/`."""


@dataclass(frozen=True)
class DataKey:
    kid: bytes
    key: bytes = field(repr=False)


class DataKeys:
    """`keks`: the one that wraps now, then those that older files may still need. `injected` (name → key) never touches the disk."""

    def __init__(self, directory: Path, keks: Sequence[KeyWrap], injected: Mapping[str, bytes] | None = None):
        self.directory = Path(directory)
        self._keks = {one.kid: one for one in keks}
        self._kek = keks[0] if keks else None
        self._injected = dict(injected or {})

    def of(self, name: str) -> tuple[DataKey, ...]:
        """All keys of that name, oldest first; the first is made if there is none. Raises KeyFault."""
        if name in self._injected:
            return (_named(self._injected[name]),)
        paths = self._paths(name)
        if not paths:
            self._make(name, 1, self._open_key_of_before(name) or secrets.token_bytes(KEY_BYTES))
            self._forget_before(name)
            paths = self._paths(name)
        return tuple(self._opened(path, name) for path in paths)

    def rotate(self, name: str) -> DataKey:
        """Another key for that name, current from now on for who starts or reloads. Raises KeyFault."""
        if name not in ROTATED:
            raise KeyFault(f"data key {name} is not rotated; those that are: {', '.join(ROTATED)}")
        known = self.of(name)
        made = secrets.token_bytes(KEY_BYTES)
        self._make(name, len(known) + 1, made)
        if (newest := self.of(name)[-1]).key != made:
            raise KeyFault(f"data key {name}: another process rotated it just now; look at `hub data-keys list`")
        return newest

    def files(self) -> frozenset[str]:
        """Names of all keys there are: who remembers another set has to read them again. Makes each name's first key."""
        for name in NAMES:
            if name not in self._injected and not self._paths(name):
                self.of(name)
        return frozenset(path.name for name in NAMES if name not in self._injected for path in self._paths(name))

    def rewrap(self) -> int:
        """Wraps every key by the KEK that wraps now; returns how many were wrapped by another."""
        done = 0
        for name in NAMES:
            for path in self._paths(name):
                if read(path, _FORM)["kek"] != self._kek.kid:
                    key = self._opened(path, name)
                    _replace(path, self._content(name, key))
                    done += 1
        return done

    def shown(self) -> list[dict[str, object]]:
        """For people: name, number, kid, the KEK that wraps it, whether it is the current one."""
        rows = []
        for name in NAMES:
            paths = self._paths(name)
            for path in paths:
                content = read(path, _FORM)
                rows.append({"name": name, "number": int(path.stem[-4:]), "kid": content["kid"], "kek": content["kek"],
                             "current": path == paths[-1]})  # fmt: skip
        return rows

    def _paths(self, name: str) -> list[Path]:
        if name not in NAMES:
            raise KeyFault(f"no data key {name!r}; known: {', '.join(NAMES)}")
        return sorted((self.directory / "data").glob(f"{name}-[0-9][0-9][0-9][0-9].json"))

    def _make(self, name: str, number: int, key: bytes) -> None:
        create(self.directory / "data" / f"{name}-{number:04d}.json", self._content(name, _named(key)), self.directory)

    def _content(self, name: str, key: DataKey) -> dict[str, object]:
        kid = key.kid.hex()
        wrapped = base64.b64encode(self._kek.wrap(key.key, f"{name}/{kid}")).decode("ascii")
        return {"v": 1, "name": name, "kid": kid, "kek": self._kek.kid, "wrapped": wrapped}

    def _opened(self, path: Path, name: str) -> DataKey:
        content = read(path, _FORM)
        kek = self._keks.get(str(content["kek"]))
        if kek is None:
            raise KeyFault(f"{path}: wrapped by the KEK {content['kek']}, which is not here; name it in HUB_KEK or HUB_KEK_BEFORE")
        try:
            wrapped = base64.b64decode(str(content["wrapped"]), validate=True)
        except ValueError:
            raise KeyFault(f"{path}: the wrapped key is not base64; restore it from the backup of the keys") from None
        key = _named(kek.unwrap(wrapped, f"{name}/{content['kid']}"))
        if content["name"] != name or key.kid.hex() != content["kid"] or len(key.key) != KEY_BYTES:
            raise KeyFault(f"{path}: not the data key it says it is; restore it from the backup of the keys")
        return key

    def _open_key_of_before(self, name: str) -> bytes | None:
        path = self.directory / "symmetric" / f"{_BEFORE.get(name)}.json"
        return base64.b64decode(str(read(path, ("v", "name", "key"))["key"])) if name in _BEFORE and path.exists() else None

    def _forget_before(self, name: str) -> None:
        """The key in the open goes once its wrapped twin is on the disk and opens."""
        path = self.directory / "symmetric" / f"{_BEFORE.get(name)}.json"
        if name in _BEFORE and path.exists() and self._opened(self._paths(name)[0], name).key == self._open_key_of_before(name):
            path.unlink()


def _named(key: bytes) -> DataKey:
    return DataKey(hashlib.sha256(b"mianzhengtong data key\x00" + key).digest()[:8], key)


def _replace(path: Path, content: dict[str, object]) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(content, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
