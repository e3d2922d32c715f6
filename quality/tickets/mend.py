"""What one failing value should probably read, from the value itself and the row's other fields. Pure.

Every function takes the cleaned values of the rule's fields and yields candidates; whoever asks tries them against the rule again
(`suggest`). A credit code or certificate number is never given another division: it keeps the one it was made with.

Source: standards.md §2.1–2.3; GB 11643, GB 32100, GB 11714.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalogs import checkdigits, divisions
from catalogs.model import Catalog, Resource, Rule

LOOKALIKES = {
    "uscc": str.maketrans("IOSVZ", "105U2"),
    "citizen_id": str.maketrans("OIL|Z", "01112"),
    "license_identifier": {},
}
"""Letters a code cannot have → what they were read for."""


@dataclass(frozen=True)
class Candidate:
    """`field`: the one to change; `by`: check_digit | lookalike | successor | from_id | from_code | code_table | nearest | registry |
    cleaned."""

    field: str
    value: str
    by: str
    why: str


Values = Sequence[str | None]
"""Cleaned values of the rule's fields, in their order."""


def candidates(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    """The most likely first; none where nothing can be said."""
    make = _BY_CHECK.get(rule.check)
    if make is not None and values and values[0]:
        yield from make(catalog, resource, rule, values)


def _check_digit(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    field, kind, value = rule.fields[0], str(rule.params["kind"]), values[0] or ""
    plain = value.upper().translate(LOOKALIKES[kind])
    if plain != value and _RIGHT[kind](plain):
        yield Candidate(field, plain, "lookalike", "含有该类代码不用的字母；按形近字更换后校验码正确")
    right = _with_check(kind, plain)
    if right is not None and right != value:
        yield Candidate(field, right, "check_digit", f"按前面各位计算，校验码应为 {right[-1]}")


def _with_check(kind: str, value: str) -> str | None:
    try:
        if kind == "uscc" and len(value) == 18:
            return value[:17] + checkdigits.uscc_check(value[:17])
        if kind == "citizen_id" and len(value) in (15, 18):
            return checkdigits.citizen_id_18(value) if len(value) == 15 else value[:17] + checkdigits.citizen_check(value[:17])
        if kind == "license_identifier" and value.count(".") == 9:
            parts = value.split(".")
            return ".".join([*parts[:9], checkdigits.mod_37_36_check("".join(parts[5:9]))])
    except ValueError:
        return None
    return None


_RIGHT: Mapping[str, Callable[[str], bool]] = {
    "uscc": checkdigits.uscc,
    "citizen_id": checkdigits.citizen_id,
    "license_identifier": checkdigits.license_identifier,
}


def _org_part(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    value = values[0] or ""
    if checkdigits.uscc(value):
        body = value[:16] + checkdigits.organization_check(value[8:16])
        inner = body + checkdigits.uscc_check(body) if set(body) <= set(checkdigits.USCC_ALPHABET) else value
        if inner != value:
            yield Candidate(rule.fields[0], inner, "check_digit", f"主体标识码校验位应为 {inner[16]}，全码校验码随之为 {inner[17]}")


def _division(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    field, value = resource.field(rule.fields[0]), values[0] or ""
    if field.type != "division" or "start" in rule.params:
        return
    if value in catalog.divisions:
        successor = divisions.current(catalog.divisions, value)
        if successor and successor != value:
            name = divisions.full_name(catalog.divisions, successor)
            yield Candidate(field.name, successor, "successor", f"{value} 已停用，现由 {successor} {name} 接续")
        return
    named = [one.code for one in catalog.divisions.values() if one.until is None and value in (one.name, _full(catalog, one.code))]
    if len(named) == 1:
        yield Candidate(field.name, named[0], "code_table", f"“{value}”是 {named[0]} 的名称")


def _full(catalog: Catalog, code: str) -> str:
    return divisions.full_name(catalog.divisions, code)


def _division_matches(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    start, length = int(rule.params.get("start", 1)), int(rule.params.get("length", 6))
    part = (values[0] or "")[start - 1 : start - 1 + length]
    label = catalog.codes[str(rule.params["table"])].labels.get(part)
    if label:
        yield Candidate(rule.fields[1], label, "from_code", f"{resource.field(rule.fields[0]).title}中的区划是 {part} {label}")


def _birth(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    number = values[1] or ""
    if checkdigits.citizen_id(number):
        day = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
        yield Candidate(rule.fields[0], day, "from_id", "公民身份号码校验码正确，第 7 至 14 位即出生日期")


def _sex(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    number, table = values[1] or "", resource.field(rule.fields[0]).table
    if checkdigits.citizen_id(number):
        code = "1" if int(number[16]) % 2 else "2"
        label = catalog.codes[table].labels.get(code, code) if table else code
        yield Candidate(rule.fields[0], label, "from_id", "公民身份号码校验码正确，第 17 位奇数为男、偶数为女")


def _empty_when(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    other = resource.field(rule.fields[1]).title
    yield Candidate(rule.fields[0], "", "cleaned", f"{other}为该值时此项应留空")


def _as_cleaned(catalog: Catalog, resource: Resource, rule: Rule, values: Values) -> Iterator[Candidate]:
    """A rule about how the source spells it: the cleaned value is what it should spell."""
    if len(rule.fields) == 1 and f"{rule.fields[0]}__src" in str(rule.params.get("sql", "")):
        yield Candidate(rule.fields[0], values[0] or "", "cleaned", "全角字母数字改为半角，去掉多余空白和控制字符")


_BY_CHECK: Mapping[str, Callable[[Catalog, Resource, Rule, Values], Iterator[Candidate]]] = {
    "check_digit": _check_digit,
    "org_part_check_digit": _org_part,
    "division_current": _division,
    "division_known": _division,
    "division_matches": _division_matches,
    "birth_matches_id": _birth,
    "sex_matches_id": _sex,
    "empty_when": _empty_when,
    "expression": _as_cleaned,
}
