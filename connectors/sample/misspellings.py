"""How a cell goes wrong: the changes that kinds of dirt are put together from. Each takes a row and an ordinal, gives changed cells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from . import checkdigits
from .ledger import Row

Change = Callable[[Row, int], Row]
_CITIZEN_CHECKS = "0123456789X"
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def lacking(header: str) -> Change:
    """An empty cell."""
    return lambda row, n: {header: None}


def saying(header: str, *values: str) -> Change:
    """One of a few values, in turn."""
    return lambda row, n: {header: values[n % len(values)]}


def garbled(header: str) -> Change:
    """A character lost in re-encoding: a question mark or the mark of a lost character."""
    return lambda row, n: {header: f"{row[header][0]}{'?' if n % 2 else '口'}{row[header][1:]}".replace("口", "\ufffd")}


def padded(header: str) -> Change:
    return lambda row, n: {header: f"　{row[header]} " if n % 2 else f" {row[header]}\t"}


def widened(header: str) -> Change:
    """Full-width characters, as an input method leaves them."""
    return lambda row, n: {header: row[header].translate(_WIDE)}


def lowered(header: str) -> Change:
    return lambda row, n: {header: row[header].lower()}


def spelt(header: str, pattern: str) -> Change:
    """An ISO date written another way: {y}, {m}, {d}."""

    def change(row: Row, n: int) -> Row:
        year, month, day = (int(part) for part in row[header].split("-"))
        return {header: pattern.format(y=year, m=month, d=day)}

    return change


def serial(header: str) -> Change:
    """An ISO date as the serial number of a spreadsheet."""
    return lambda row, n: {header: str((date.fromisoformat(row[header]) - date(1899, 12, 30)).days)}


def far(n: int) -> str:
    """A day after any delivery, another for each ordinal (numbers made from it stay unique)."""
    return (date(2100, 1, 1) + timedelta(days=n)).isoformat()


def shifted(iso: str, days: int) -> str:
    return (date.fromisoformat(iso) + timedelta(days=days)).isoformat()


def anniversary(iso: str, years: int) -> str:
    """The same day some years off (29 February becomes 28)."""
    return f"{int(iso[:4]) + years:04d}{iso[4:].replace('-02-29', '-02-28')}"


def wrong_check(number: str, n: int) -> str:
    """The identity number with another check character and nothing else changed."""
    return number[:-1] + _CITIZEN_CHECKS[(_CITIZEN_CHECKS.index(number[-1]) + 1 + n % 9) % 11]


def wrong_credit_check(code: str, n: int) -> str:
    """The credit code with another check character and nothing else changed."""
    letters = checkdigits.CREDIT_ALPHABET.decode()
    return code[:-1] + letters[(letters.index(code[-1]) + 1 + n % 29) % 31]


def misnumbered(header: str) -> Change:
    """An identity number with a wrong check character."""
    return lambda row, n: {header: wrong_check(row[header], n)}


def miscoded(header: str) -> Change:
    """A credit code with a wrong check character."""
    return lambda row, n: {header: wrong_credit_check(row[header], n)}


def renumbered(head: str) -> str:
    """17 digits with their check character."""
    return head + chr(checkdigits.citizen(_bytes(head))[0])


def recoded(head: str) -> str:
    """17 characters of a credit code with its check character."""
    return head + chr(checkdigits.credit(_bytes(head))[0])


def wrong_organ_part(code: str, n: int) -> str:
    """The credit code with a wrong check inside its organization code and the outer check right."""
    letters = "0123456789"
    return recoded(code[:16] + letters[(letters.find(code[16]) + 1 + n % 8) % 10])


def stranger(code: str) -> str:
    """A right credit code of the same division that no generated entity has."""
    main = f"QA{code[10:16]}"
    return recoded(code[:8] + main + chr(checkdigits.organ(_bytes(main))[0]))


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8)[None, :]
