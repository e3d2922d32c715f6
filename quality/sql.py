"""SQL is put together from typed pieces here and nowhere else: identifiers quoted, values escaped, templates constant.

- `Sql` is a finished piece; only the functions of this module make one (threats.md T17).
- A template is a constant string with `{name}` places; every place takes an `Sql`, never a bare string.
- `trusted` is the one door for SQL written by hand: `.sql` files of this package and `expression` rules of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import LiteralString

_PLACE = re.compile(r"\{([a-z_]+)\}")
_UNPRINTABLE = re.compile(r"([\x00-\x1f\x7f-\x9f])")


@dataclass(frozen=True)
class Sql:
    """A piece of SQL that is safe to put into another."""

    text: str

    def __str__(self) -> str:
        return self.text


NULL = Sql("NULL")
TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def ident(name: str) -> Sql:
    """A quoted identifier. Raises ValueError for an empty name or one with NUL."""
    if not name or "\x00" in name:
        raise ValueError("an SQL identifier must not be empty or contain NUL")
    return Sql('"' + name.replace('"', '""') + '"')


def literal(value: str | int | bool | Decimal | date | datetime | None) -> Sql:
    """A constant. Control characters are written by code point, since a statement's text cannot hold NUL."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return Sql("TRUE" if value else "FALSE")
    if isinstance(value, int | float | Decimal):
        return Sql(str(value))
    if isinstance(value, datetime):
        return Sql("TIMESTAMP '" + value.isoformat(sep=" ") + "'")
    if isinstance(value, date):
        return Sql("DATE '" + value.isoformat() + "'")
    parts = ["chr(" + str(ord(part)) + ")" if _UNPRINTABLE.fullmatch(part) else _quoted(part) for part in _UNPRINTABLE.split(value) if part]
    return Sql("(" + " || ".join(parts) + ")" if len(parts) > 1 else parts[0] if parts else "''")


def compose(template: LiteralString, **pieces: Sql) -> Sql:
    """The template with its places filled. Raises KeyError for a place without piece, TypeError for a bare string."""
    for name, piece in pieces.items():
        if not isinstance(piece, Sql):
            raise TypeError(f"piece {name} is not Sql")
    return Sql(_PLACE.sub(lambda place: pieces[place[1]].text, template))


def joined(separator: LiteralString, pieces: Iterable[Sql]) -> Sql:
    """Pieces with a constant between them."""
    return Sql(separator.join(piece.text for piece in pieces))


def commas(pieces: Iterable[Sql]) -> Sql:
    return joined(", ", pieces)


def conjunction(pieces: Iterable[Sql]) -> Sql:
    """All of them; TRUE for none."""
    return Sql(" AND ".join("(" + piece.text + ")" for piece in pieces) or "TRUE")


def named(expression: Sql, name: str) -> Sql:
    return compose("{expression} AS {name}", expression=expression, name=ident(name))


def literals(values: Iterable[str]) -> Sql:
    return commas(literal(value) for value in values)


def trusted(text: str) -> Sql:
    """SQL written by hand in this package or in the catalogue, which the policy office answers for."""
    return Sql(text)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
