"""Trust policies: which logs and witnesses count, and how many of them (C2SP tlog-policy).

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>…        members are defined above; a name is a member once
    quorum <name>|none                      exactly one

A checkpoint is good if a listed log signed it and the quorum's witnesses cosigned it. A policy without `log` lines leaves the log's
keys to the caller; with none of the caller's either, the quorum alone decides: so a post-quantum-only policy lists ML-DSA-44
witnesses and no classical key at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from license_hub.errors import NoteMalformed, PolicyMalformed, SignatureBad
from license_hub.log import checkpoint as checkpoints
from license_hub.log import note
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.cosignature import WitnessKey, cosigned, witness_key
from license_hub.log.note import NoteKey

NONE = "none"
MAX_BYTES = 256 * 1024
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


@dataclass(frozen=True)
class LogEntry:
    key: NoteKey
    url: str | None


@dataclass(frozen=True)
class Witness:
    """`name` is the policy's own; the key has the name it cosigns under."""

    name: str
    key: WitnessKey
    url: str | None


@dataclass(frozen=True)
class Group:
    need: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    logs: tuple[LogEntry, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    @property
    def demands(self) -> bool:
        """Whether any witness is asked for."""
        return self.quorum != NONE

    @property
    def text(self) -> str:
        """The policy for others to read, empty where it says nothing: no comments, and no addresses, which are for the hub alone."""
        if self == Policy():
            return ""
        lines = [f"log {one.key.text}" for one in self.logs]
        lines += [f"witness {one.name} {one.key.text}" for one in self.witnesses]
        lines += [f"group {name} {one.need} {' '.join(one.members)}" for name, one in self.groups.items()]
        return "".join(f"{line}\n" for line in (*lines, f"quorum {self.quorum}"))

    def satisfied(self, names: Collection[str]) -> bool:
        """Whether cosignatures of the witnesses of those names are enough."""
        good = {one.name for one in self.witnesses if one.name in names}
        # In the order of their lines: a group's members are settled before it.
        for name, group in self.groups.items():
            if len(good.intersection(group.members)) >= group.need:
                good.add(name)
        return not self.demands or self.quorum in good

    def cosigners(self, head: Checkpoint) -> dict[str, int]:
        """Witness name → when it cosigned. Raises NoteMalformed, SignatureBad."""
        found = cosigned(head, [one.key for one in self.witnesses])
        return {one.name: found[one.key] for one in self.witnesses if one.key in found}

    def witnessed(self, head: Checkpoint) -> bool:
        """Whether the quorum cosigned; False if none is asked for. Raises NoteMalformed, SignatureBad."""
        return self.demands and self.satisfied(self.cosigners(head))

    def verify(self, text: str, origin: str, log_keys: Sequence[NoteKey] = ()) -> Checkpoint:
        """The log's checkpoint, signed and cosigned as the policy demands. `log_keys`: for a policy that lists no log.

        Raises NoteMalformed, SignatureBad.
        """
        keys = [one.key for one in self.logs if one.key.name == origin] if self.logs else list(log_keys)
        if self.logs and not keys:
            raise SignatureBad("the policy does not list this log")
        if not keys and not self.demands:
            raise SignatureBad("neither a log's key nor a quorum to go by")
        head = checkpoints.verify(text, origin, keys) if keys else checkpoints.parse(text)
        if head.origin != origin:
            raise SignatureBad("a checkpoint of another log")
        if not self.satisfied(self.cosigners(head)):
            raise SignatureBad("the checkpoint lacks the cosignatures the policy demands")
        return head


def parse(data: bytes) -> Policy:
    """Raises PolicyMalformed naming the line."""
    if len(data) > MAX_BYTES or (data and not data.endswith(b"\n")):
        raise PolicyMalformed("a policy ends with a newline and has at most 256 KiB: it may have been cut off")
    reader = _Reader()
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        if _FORBIDDEN.search(line):
            raise PolicyMalformed(f"line {number}: control characters are not allowed")
        # Names are opaque octets: this decoding keeps each distinct.
        words = [one for one in re.split(r"[ \t]+", line.decode("utf-8", "surrogateescape")) if one]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.take(words)
        except (PolicyMalformed, NoteMalformed) as fault:
            raise PolicyMalformed(f"line {number}: {fault}") from None
    return reader.policy()


class _Reader:
    """The lines so far: what is named must have been defined above."""

    def __init__(self) -> None:
        self._logs: list[LogEntry] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def take(self, words: list[str]) -> None:
        kinds = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._set_quorum}
        if words[0] not in kinds:
            raise PolicyMalformed(f"starts with none of {', '.join(kinds)}")
        kinds[words[0]](words[1:])

    def policy(self) -> Policy:
        if self._quorum is None:
            raise PolicyMalformed("a policy has one quorum line; `quorum none` asks for no witness")
        return Policy(tuple(self._logs), tuple(self._witnesses.values()), dict(self._groups), self._quorum)

    def _log(self, words: list[str]) -> None:
        if len(words) not in (1, 2):
            raise PolicyMalformed("log <vkey> [<url>]")
        key = note.note_key(words[0])
        self._fresh_key(key.public)
        self._logs.append(LogEntry(key, words[1] if len(words) == 2 else None))

    def _witness(self, words: list[str]) -> None:
        if len(words) not in (2, 3):
            raise PolicyMalformed("witness <name> <vkey> [<url>]")
        name, key = self._fresh_name(words[0]), witness_key(words[1])
        self._fresh_key(key.public)
        self._witnesses[name] = Witness(name, key, words[2] if len(words) == 3 else None)

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise PolicyMalformed("group <name> all|any|<k> <name>…")
        name, need, members = self._fresh_name(words[0]), words[1], words[2:]
        for one in members:
            self._defined(one)
            if one in self._members:
                raise PolicyMalformed(f"{one} is a member already: each name counts once")
            self._members.add(one)
        self._groups[name] = Group(_threshold(need, len(members)), tuple(members))

    def _set_quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self._quorum is not None:
            raise PolicyMalformed("one line `quorum <name>`")
        if words[0] != NONE:
            self._defined(words[0])
        self._quorum = words[0]

    def _fresh_name(self, name: str) -> str:
        if name == NONE or name in self._witnesses or name in self._groups:
            raise PolicyMalformed(f"the name {name} is taken")
        return name

    def _fresh_key(self, public: bytes) -> None:
        """One key, one role: a log that could cosign itself, or a witness that counts twice, is no quorum."""
        taken = {one.key.public for one in self._logs} | {one.key.public for one in self._witnesses.values()}
        if public in taken:
            raise PolicyMalformed("this public key is listed already")

    def _defined(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            raise PolicyMalformed(f"{name} is not defined above")


def _threshold(need: str, members: int) -> int:
    if need in ("all", "any"):
        return members if need == "all" else 1
    if not re.fullmatch(r"[1-9][0-9]{0,5}", need) or int(need) > members:
        raise PolicyMalformed(f"the threshold is all, any or a number from 1 to {members}")
    return int(need)
