"""Check digits of Chinese identity codes in plain Python; `quality` has the same as SQL macros, tests hold the two together.

- citizen number 公民身份号码: GB 11643, ISO 7064 MOD 11-2 over 17 digits
- unified social credit code 统一社会信用代码: GB 32100, MOD 31 over 17 characters, with a GB 11714 organization code inside
- license identifier 电子证照标识: GB/T 36904, ISO 7064 MOD 37,36 (hybrid)

Only forms and check characters are judged here: whether a birth date or a division exists is a rule of its own, so that
numbers of the sample province 99xxxx pass. Nothing is cleaned: callers upper-case and strip first.

Source: standards.md §1.1, §2.1, §2.2.
"""

from __future__ import annotations

import re

CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CITIZEN_CHECKS = "10X98765432"
"""Check character by sum modulo 11."""

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""31 characters: no I, O, S, V, Z."""
USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

ORGANIZATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_CITIZEN = re.compile(r"[0-9]{17}[0-9X]")
_OLD_CITIZEN = re.compile(r"[0-9]{15}")
_USCC = re.compile(rf"[{USCC_ALPHABET}]{{2}}[0-9]{{6}}[{USCC_ALPHABET}]{{10}}")
_ORGANIZATION = re.compile(r"[0-9A-Z]{8}[0-9X]")
_IDENTIFIER = re.compile(r"1\.2\.156\.3005\.2\.([0-9A-Z]{21})\.([0-9A-Z]+)\.([0-9A-Z]+)\.([0-9]{3})\.([0-9A-Z])")


def citizen_check(body: str) -> str:
    """Check character of the first 17 digits of a citizen number. Raises ValueError for other input."""
    if len(body) != 17 or not (body.isascii() and body.isdigit()):
        raise ValueError("17 digits expected")
    return CITIZEN_CHECKS[sum(int(digit) * weight for digit, weight in zip(body, CITIZEN_WEIGHTS, strict=True)) % 11]


def citizen_id(number: str) -> bool:
    """Whether this is an 18-character citizen number with the right check character (X as a capital)."""
    return bool(_CITIZEN.fullmatch(number)) and number[17] == citizen_check(number[:17])


def citizen_id_18(number: str) -> str:
    """The 18-character form of an obsolete 15-digit number: birth years become 19xx. Raises ValueError for other input."""
    if not _OLD_CITIZEN.fullmatch(number):
        raise ValueError("15 digits expected")
    body = f"{number[:6]}19{number[6:]}"
    return body + citizen_check(body)


def uscc_check(body: str) -> str:
    """Check character of the first 17 characters of a credit code. Raises ValueError for characters outside the alphabet."""
    if len(body) != 17:
        raise ValueError("17 characters expected")
    total = sum(USCC_ALPHABET.index(one) * weight for one, weight in zip(body, USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def uscc(code: str) -> bool:
    """Whether this is an 18-character credit code (capitals, digits at 3–8) with the right check character."""
    return bool(_USCC.fullmatch(code)) and code[17] == uscc_check(code[:17])


def organization_check(body: str) -> str:
    """Check character of 8 characters of an organization code (GB 11714). Raises ValueError for other input."""
    if len(body) != 8:
        raise ValueError("8 characters expected")
    total = sum(ORGANIZATION_ALPHABET.index(one) * weight for one, weight in zip(body, ORGANIZATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def organization(code: str) -> bool:
    """Whether these nine characters are an organization code with the right check character."""
    return bool(_ORGANIZATION.fullmatch(code)) and code[8] == organization_check(code[:8])


def organization_part(code: str) -> bool:
    """Whether positions 9–17 of a credit code hold a right organization code. Raises ValueError unless 18 characters long."""
    if len(code) != 18:
        raise ValueError("18 characters expected")
    return organization(code[8:17])


def mod_37_36_check(body: str) -> str:
    """ISO 7064 MOD 37,36 check character over 0–9 and A–Z. Raises ValueError for other characters."""
    product = 36
    for one in body:
        total = (product + ORGANIZATION_ALPHABET.index(one)) % 36 or 36
        product = 2 * total % 37
    return ORGANIZATION_ALPHABET[(37 - product) % 36]


def license_identifier(text: str) -> bool:
    """Whether a license identifier has the six parts and the right check character (over parts 2–5, no OID, no dots)."""
    found = _IDENTIFIER.fullmatch(text)
    return bool(found) and found[5] == mod_37_36_check("".join(found.groups()[:4]))
