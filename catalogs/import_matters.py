"""Takes a department's 实施清单 in: everything odd is a finding with its line, what is sound becomes a draft for `catalogs/matters`.

A draft is where the work begins: it has what the sheet says and no way of exemption but the e-license the sheet itself names. Whoever
completes it adds the areas, the ways and the form, and hands it to 三方审核.

Source: standards.md §6.2 (codes, enumerations).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import checkdigits, item_sheet
from .item_sheet import Line
from .matter import DUTY, GOVERNMENT
from .model import Catalog, Department
from .reference_matters import BASIC_CODE, CREDIT_CODE, LEVEL, level

TASK_CODE = 31
CHANNELS = {"10": "10", "申请人自备": "10", "20": "20", "政府部门核发": "20", "99": "99", "其他": "99", "30": "99", "中介机构出具": "99"}
NECESSITIES = {"1": "1", "必要": "1", "2": "2", "非必要": "2", "3": "3", "容缺后补": "3"}
FORMS = {"原件": "原件", "复印件": "复印件", "电子件": "电子件", "纸质": "原件", "电子": "电子件", "纸质/电子": "原件"}
AUDIENCES = {
    "自然人": "person",
    "企业法人": "organisation",
    "事业法人": "organisation",
    "社会组织法人": "organisation",
    "法人": "organisation",
}
_COMPOUND = re.compile(r"(?P<basic>[0-9A-Z]+(?:-[0-9]{6}-[0-9]{3})?)-(?P<division>[0-9]{12})-[0-9]{3}-(?P<body>[0-9A-Z-]+)-[0-9]-[0-9]{2}")
"""What provinces wrote before the national code: basic code, division, 000, body, kind, number."""
_BASIC = re.compile(r"[0-9]{12}")


@dataclass(frozen=True)
class Finding:
    """Something odd. A blocking one keeps its item from becoming a draft."""

    line: int
    column: str
    """Header of the column."""
    code: str
    blocking: bool
    text: str


@dataclass(frozen=True)
class Imported:
    items: int
    lines: int
    findings: tuple[Finding, ...]
    drafts: tuple[dict, ...]
    """Documents of matters, state draft, good for `catalogs/matters/<id>.yaml`."""


def take_in(path: Path, catalog: Catalog, since: str) -> Imported:
    """What the sheet holds; `since` is the date the drafts carry. Raises UnreadableSheet."""
    headers, lines = item_sheet.read(path)
    items: dict[str, list[Line]] = {}
    for line in lines:
        items.setdefault(line["task_code"] or f"line {line.number}", []).append(line)
    findings = list(_columns(headers))
    drafts = []
    for of_item in items.values():
        found = [_named(one, headers) for one in (*_item(of_item, catalog), *_materials(of_item, catalog, "material" in headers))]
        findings += found
        if "material" in headers and not any(one.blocking for one in found):
            drafts.append(_draft(of_item, catalog, since))
    return Imported(len(items), len(lines), tuple(sorted(findings, key=lambda one: one.line)), tuple(drafts))


def _columns(headers: dict[str, str]) -> Iterator[Finding]:
    """What the sheet lacks as a whole, told once and not for every line."""
    for column in ("material", "audience", "channel", "necessity", "form", "issuer"):
        if column not in headers and (column in ("material", "audience") or "material" in headers):
            wanted = " or ".join(item_sheet.COLUMNS[column])
            yield Finding(1, "", "COLUMN_MISSING", column not in ("audience", "issuer"), f"no column {wanted}")


def _named(finding: Finding, headers: dict[str, str]) -> Finding:
    """With the column called as the sheet calls it."""
    return replace(finding, column=headers.get(finding.column, finding.column))


def _item(lines: Sequence[Line], catalog: Catalog) -> Iterator[Finding]:
    first = lines[0]
    for line in lines:
        if line.wrong:
            yield Finding(line.number, "", "ROW_SHAPE", True, line.wrong)
        if line["title"] != first["title"]:
            yield Finding(line.number, "task_code", "CODE_TWICE", True, f"line {first.number} has this code for another item")
    if not first["title"]:
        yield Finding(first.number, "title", "TITLE_EMPTY", True, "an item without a name")
    if not first["task_code"]:
        yield Finding(first.number, "task_code", "CODE_EMPTY", True, "an item without an implementation code")
    else:
        yield from _code(first, catalog)
    if first["division"]:
        yield from _division(first, catalog)
    if first["audience"] and not _audience(first):
        yield Finding(first.number, "audience", "AUDIENCE", False, f"none of {', '.join(AUDIENCES)} is in it; the draft says person")


def _code(line: Line, catalog: Catalog) -> Iterator[Finding]:
    """31 characters, each part judged; of older forms the parts are judged that can be found in them."""
    code = line["task_code"].upper()
    if code != line["task_code"]:
        yield Finding(line.number, "task_code", "CODE_SPELLING", False, "small letters or full-width characters; read as capitals")
    compound = _COMPOUND.fullmatch(code)
    if compound:
        yield Finding(
            line.number, "task_code", "CODE_OLD_FORM", True, f"a provincial code of {len(code)} characters, not the national {TASK_CODE}"
        )
        yield from _credit_code(line, compound["body"])
        yield from _basic(line, compound["basic"])
        return
    if len(code) != TASK_CODE:
        yield Finding(line.number, "task_code", "CODE_LENGTH", True, f"{len(code)} characters, not {TASK_CODE}")
        return
    yield from _credit_code(line, code[CREDIT_CODE])
    yield from _basic(line, code[BASIC_CODE])
    if line["code"] and line["code"] != code[BASIC_CODE]:
        yield Finding(line.number, "code", "BASIC_CODE_DIFFERS", True, "not the last 12 characters of the implementation code")
    body = _body(code[CREDIT_CODE], catalog)
    if not body:
        yield Finding(line.number, "task_code", "BODY_UNKNOWN", True, "no department of the catalogue has its credit code")
    elif code[LEVEL] != level(body.division):
        yield Finding(line.number, "task_code", "LEVEL", True, f"level {code[LEVEL]}, but {body.id} is of level {level(body.division)}")


def _credit_code(line: Line, code: str) -> Iterator[Finding]:
    if not checkdigits.uscc(code):
        reason = "its check character is wrong" if len(code) == 18 else f"{len(code)} characters, not 18"
        yield Finding(line.number, "task_code", "CREDIT_CODE", True, f"the implementing body's credit code inside is none: {reason}")


def _basic(line: Line, code: str) -> Iterator[Finding]:
    if not _BASIC.fullmatch(code):
        yield Finding(line.number, "task_code", "BASIC_CODE", True, f"the 基本编码 inside is not 12 digits: {len(code)} characters")


def _division(line: Line, catalog: Catalog) -> Iterator[Finding]:
    code = line["division"][:6]
    found = catalog.divisions.get(code)
    if found is None:
        yield Finding(line.number, "division", "DIVISION_UNKNOWN", False, "no division has ever had this code")
    elif found.until is not None:
        yield Finding(line.number, "division", "DIVISION_RETIRED", False, f"out of use since {found.until}")


def _body(credit_code: str, catalog: Catalog) -> Department | None:
    return next((one for one in catalog.departments.values() if one.credit_code == credit_code), None)


def _audience(line: Line) -> list[str]:
    return list(dict.fromkeys(kind for word, kind in AUDIENCES.items() if word in line["audience"]))


def _materials(lines: Sequence[Line], catalog: Catalog, listed: bool) -> Iterator[Finding]:
    """`listed`: whether the sheet has a column of materials at all."""
    asked = [line for line in lines if line["material"]]
    if not asked and listed:
        yield Finding(lines[0].number, "material", "NO_MATERIAL", True, "no material: a matter asks for at least one")
    seen: set[str] = set()
    for line in asked:
        for column, known in (("channel", CHANNELS), ("necessity", NECESSITIES), ("form", FORMS)):
            if line[column] not in known:
                yield Finding(line.number, column, column.upper(), True, f"{line[column]!r:.40} is none of {', '.join(known)}")
        if line["material"] in seen:
            yield Finding(line.number, "material", "MATERIAL_TWICE", True, "the item asks for it twice")
        seen.add(line["material"])
        if CHANNELS.get(line["channel"]) == GOVERNMENT and not _issuer(line, catalog):
            yield Finding(line.number, "issuer", "ISSUER_UNKNOWN", True, "issued by a government body that the catalogue does not have")
        if line["license_type"] and not _license_type(line, catalog):
            yield Finding(line.number, "license_type", "LICENSE_TYPE_UNKNOWN", False, "no license type with licenses has this code")


def _issuer(line: Line, catalog: Catalog) -> str | None:
    said = line["issuer"]
    return next((one.id for one in catalog.departments.values() if said in (one.name, one.credit_code)), None)


def _license_type(line: Line, catalog: Catalog):
    return next((one for one in catalog.license_types.values() if one.type_code == line["license_type"] and one.sources), None)


def _draft(lines: Sequence[Line], catalog: Catalog, since: str) -> dict:
    """The document of one item without a blocking finding."""
    first, code = lines[0], lines[0]["task_code"].upper()
    body = _body(code[CREDIT_CODE], catalog)
    asked = [line for line in lines if line["material"]]
    return {
        "id": f"matter_{code.lower()}",
        "code": code[BASIC_CODE],
        "task_code": code,
        "title": first["title"],
        "department": body.id,
        "level": code[LEVEL],
        "audience": _audience(first) or ["person"],
        "areas": [],
        "parties": {"applicant": "申请人"},
        "version": "1",
        "since": since,
        "state": "draft",
        "reviews": [],
        "source": "实施清单导入",
        "materials": [_material(line, number, catalog) for number, line in enumerate(asked, 1)],
        "form": [],
    }


def _material(line: Line, number: int, catalog: Catalog) -> dict:
    channel, license_type = CHANNELS[line["channel"]], _license_type(line, catalog)
    ways = []
    if license_type:
        face = [title for title in license_type.sources[0].face]
        ways = [{"kind": "license", "types": [license_type.id], "face": face, "grade": max("B", license_type.grade_cap)}]
    code = line["material_code"].upper()
    issued = {"department": _issuer(line, catalog)} if channel == GOVERNMENT else {}
    return {
        "code": code if re.fullmatch(r"[0-9A-Z][0-9A-Z-]{2,31}", code) else f"M{number:03d}",
        "title": line["material"],
        "channel": channel,
        "necessity": NECESSITIES[line["necessity"]],
        "form": FORMS[line["form"]],
        "party": "applicant",
        **issued,
        "consent": DUTY,
        "ways": ways,
    }
