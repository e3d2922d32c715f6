"""What the GB/T 36906-style facade answers, as the catalogue says it. Part of `catalogs.model`'s Catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How one of the hub's own codes is answered."""

    status: int
    """Of the head."""
    result: int | None = None
    """Of the two verify services."""
    state: str | None = None
    """How a license with that verdict is listed."""
    tell: bool = False
    """Whether the code's own sentence follows the status text."""


@dataclass(frozen=True)
class Elicense:
    statuses: Mapping[int, str]
    results: Mapping[int, str]
    verdicts: Mapping[str, Outcome]
    refusals: Mapping[str, Outcome]
    wire: Mapping[str, str]
    """Short name → name on the wire."""
    aliases: Mapping[str, str]
    """Other names a caller may give a field → short name."""

    def outcome(self, code: str) -> Outcome:
        """Of a verdict or a problem. Raises KeyError."""
        return self.verdicts[code] if code in self.verdicts else self.refusals[code]

    def short(self, name: str) -> str:
        """The short name of a field as a caller may name it; what is none of them stays."""
        known = {wire: short for short, wire in self.wire.items()}
        return self.aliases.get(name) or known.get(name, name)


def read(data: Mapping) -> Elicense:
    outcomes = ({code: Outcome(**one) for code, one in data[name].items()} for name in ("verdicts", "refusals"))
    texts = ({int(code): text for code, text in data[name].items()} for name in ("statuses", "results"))
    return Elicense(*texts, *outcomes, data["wire"], data["aliases"])
