"""电子证照标识: root OID, type code, issuer code, serial, version, check character, joined by full stops.

- Minted strictly: capitals, 18-character codes with right check characters, a serial of 1–32, versions 001–999.
- Received leniently: `inspect` lists findings by GB/T 36344 indicator and says which make the identifier unusable.
- The check character is ISO 7064 MOD 37,36 over type, issuer, serial and version, without the OID and the dots.

Source: standards.md §1.1 (GB/T 36904).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from catalogs import checkdigits

ROOT_OID = "1.2.156.3005.2"
MAX_CHARS = 128
"""Longest identifier systems store."""
SERIAL_CHARS = 25
"""36^25 > 2^128: enough characters for 128 random bits."""

STANDARD = "0101"
"""GB/T 36344 规范性·数据标准: meets the data standard."""
FORMAT = "0302"
"""GB/T 36344 准确性·数据格式合规性."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_GROUPS = [first + second + third for first in ALPHABET for second in ALPHABET for third in ALPHABET]
"""Base 36 of 0 to 36^3 - 1, three characters each."""
_TYPE = re.compile(rf"[{checkdigits.USCC_ALPHABET}]{{18}}[0-9]{{3}}")
_ISSUER = re.compile(rf"[{checkdigits.USCC_ALPHABET}]{{18}}")
_SERIAL = re.compile(r"[0-9A-Z]{1,32}")
_VERSION = re.compile(r"(?!000)[0-9]{3}")
_LOOSE = re.compile(r"1\.2\.156\.3005\.2\.([0-9A-Z]+)\.([0-9A-Z]+)\.([0-9A-Z]+)\.([0-9]{3})\.([0-9A-Z])")
STEPS = [{letter: 2 * (((product + value) % 36) or 36) % 37 for value, letter in enumerate(ALPHABET)} for product in range(37)]
"""STEPS[P][character] = the next P of MOD 37,36, which starts at 36."""


@dataclass(frozen=True)
class Identifier:
    """The four parts that say something; root OID and check character follow from them."""

    type_code: str
    issuer_code: str
    serial: str
    version: str

    def __str__(self) -> str:
        return mint(self.type_code, self.issuer_code, self.serial, self.version)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the standard has it. `code` names what; `unusable`: the identifier must not be looked up."""

    indicator: str
    code: str
    unusable: bool


def mint(type_code: str, issuer_code: str, serial: str, version: int | str) -> str:
    """A new identifier. Raises ValueError naming the part that breaks the rules."""
    text = f"{version:03d}" if isinstance(version, int) else version
    product, begun = head(type_code, issuer_code)
    if not _SERIAL.fullmatch(serial):
        raise ValueError("serial: 1 to 32 of 0–9 and A–Z")
    if not _VERSION.fullmatch(text):
        raise ValueError("version: 001 to 999")
    for letter in serial + text:
        product = STEPS[product][letter]
    return f"{begun}.{serial}.{text}.{ALPHABET[(37 - product) % 36]}"


def parse(text: str) -> Identifier:
    """The parts of an identifier as this hub mints them. Raises ValueError."""
    parts = text.split(".")
    if len(parts) != 10 or ".".join(parts[:5]) != ROOT_OID:
        raise ValueError("not an identifier: six parts under the root 1.2.156.3005.2 expected")
    found = Identifier(*parts[5:9])
    if str(found) != text:
        raise ValueError("check character is wrong")
    return found


def inspect(text: str) -> list[Finding]:
    """What is wrong with a received identifier; [] for one this hub could have minted. Never raises."""
    if len(text) > MAX_CHARS:
        return [Finding(STANDARD, "TOO_LONG", True)]
    found = _LOOSE.fullmatch(text)
    if not found:
        return [Finding(STANDARD, "MALFORMED", True)]
    type_code, issuer_code, serial, version, check = found.groups()
    findings = []
    if checkdigits.mod_37_36_check(type_code + issuer_code + serial + version) != check:
        findings.append(Finding(FORMAT, "CHECK_CHARACTER", True))
    for bad, indicator, code in (
        (not _TYPE.fullmatch(type_code), STANDARD, "TYPE_CODE_FORM"),
        (bool(_TYPE.fullmatch(type_code)) and not checkdigits.uscc(type_code[:18]), FORMAT, "TYPE_CODE_CHECK_CHARACTER"),
        (not _ISSUER.fullmatch(issuer_code), STANDARD, "ISSUER_CODE_FORM"),
        (bool(_ISSUER.fullmatch(issuer_code)) and not checkdigits.uscc(issuer_code), FORMAT, "ISSUER_CODE_CHECK_CHARACTER"),
        (not _SERIAL.fullmatch(serial), STANDARD, "SERIAL_LENGTH"),
        (not _VERSION.fullmatch(version), STANDARD, "VERSION_ZERO"),
    ):
        if bad:
            findings.append(Finding(indicator, code, False))
    return findings


def unusable(findings: list[Finding]) -> bool:
    """Whether a received identifier with these findings is answered IDENTIFIER_MALFORMED."""
    return any(one.unusable for one in findings)


def serial(random16: bytes) -> str:
    """A serial from 16 random bytes: 25 characters of base 36, capitals. Raises ValueError for another length."""
    if len(random16) != 16:
        raise ValueError("a serial is made from 16 random bytes")
    # Two small numbers instead of one large, three characters a step: the mint's costliest part otherwise.
    high, low = divmod(int.from_bytes(random16, "big"), 36**12)
    groups = []
    for half in (low, high):
        for _ in range(4):
            half, group = divmod(half, 36**3)
            groups.append(_GROUPS[group])
    return ALPHABET[half] + "".join(reversed(groups))


@lru_cache(maxsize=4096)
def head(type_code: str, issuer_code: str) -> tuple[int, str]:
    """Running check value and text of the parts that whole batches share. Raises ValueError."""
    if not _TYPE.fullmatch(type_code) or not checkdigits.uscc(type_code[:18]):
        raise ValueError("type code: a credit code with a right check character and 3 digits")
    if not _ISSUER.fullmatch(issuer_code) or not checkdigits.uscc(issuer_code):
        raise ValueError("issuer code: a credit code with a right check character")
    product = 36
    for letter in type_code + issuer_code:
        product = STEPS[product][letter]
    return product, f"{ROOT_OID}.{type_code}.{issuer_code}"
