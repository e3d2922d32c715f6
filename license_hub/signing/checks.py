"""The checks of one license version, the same for a bundle offline and for stored rows online.

1 identifier   the one the license commits to
2 content      shown fields and hidden digests are exactly what the leaf commits to
3 leaf         canonical, of an issue or a change, not from the future
4 seal         the organ named in the identifier attested this leaf

Each raises SignatureBad naming what is wrong. The signature of a statement is checked before, by `seal.check`; whether a tree covers
the leaf (`covered`) by `log.tree.inclusion`, along a bundle's own path or one from the hub's tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from license_hub.domain.license import IDENTIFIER
from license_hub.errors import NotCanonical, SignatureBad
from license_hub.signing import commitment
from license_hub.signing.canonical import parse
from license_hub.signing.commitment import Shown
from license_hub.signing.seal import Statement

_LEAF_NAMES = {"v", "kind", "id", "of", "status", "at", "c"}
"""`status`: what the source said at issue. It proves that day's word, never today's state."""
_ISSUER_PART, _PARTS = 6, 10


def check_identifier(identifier: str, fields: Mapping[str, str]) -> None:
    if fields.get(IDENTIFIER) != identifier:
        raise SignatureBad("the identifier is not the one the license commits to")


def read_leaf(data: bytes) -> dict:
    """The parts of a version's leaf, `c` as bytes, re-made byte for byte from them."""
    try:
        content = parse(data)
        if not isinstance(content, dict) or not set(content) <= _LEAF_NAMES or content.get("v") != 1:
            raise SignatureBad("not the leaf of a license version")
        content["c"] = bytes.fromhex(content["c"])
        again = commitment.leaf(content["kind"], content["id"], content["at"], content["c"], content.get("of"), content.get("status"))
    except (KeyError, TypeError, ValueError, NotCanonical):
        raise SignatureBad("not the leaf of a license version") from None
    if again != data:
        raise SignatureBad("not the leaf of a license version")
    return content


def check_content(leaf: bytes, shown: Sequence[Shown], hidden: Sequence[bytes]) -> None:
    if not commitment.discloses(read_leaf(leaf)["c"], shown, hidden):
        raise SignatureBad("the fields are not what the leaf commits to")


def check_leaf(leaf: bytes, now: datetime) -> None:
    content = read_leaf(leaf)
    if content["kind"] not in ("issue", "change") or ("of" in content) != (content["kind"] == "change"):
        raise SignatureBad("the leaf is not that of a license version")
    if content["at"] > commitment.instant(now):
        raise SignatureBad("the leaf is from the future: check the clock")


def issuer_of(identifier: str) -> str:
    """The issuing organ's credit code in an identifier."""
    parts = identifier.split(".")
    return parts[_ISSUER_PART] if len(parts) == _PARTS else ""


def check_seal(statement: Statement, identifier: str, fields: Mapping[str, str], covered: Callable[[], bool]) -> None:
    """`fields` may leave the issuer's code out: it is in the identifier."""
    issuer = issuer_of(identifier)
    if statement.issuer != issuer or fields.get("ZZBFJGDM", issuer) != issuer:
        raise SignatureBad("the attesting organ is not the issuer in the identifier")
    if not covered():
        raise SignatureBad("the leaf is not among the rows the organ attested")
