"""Rules against the resource they judge: fields of the right type, known tables and resources, params that can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .references import Known

MAX_RULES = 58
"""A resource: the engine keeps a row's findings as 62 bits of one integer, and may add four rules of its own."""

DATES = ("date", "datetime")
NUMBERS = ("money", "decimal")
TYPES = {
    "check_digit": ("citizen_id", "uscc", "certificate_number"),
    "org_part_check_digit": ("uscc",),
    "not_future": DATES,
    "not_before": DATES,
    "date_order": DATES,
    "number_range": NUMBERS,
    "parsed": (*DATES, *NUMBERS),
    "in_codes": ("code",),
    "in_partition": ("code",),
    "same_count": ("holder_names", "holder_numbers"),
}
"""Types the fields of a check may have; other checks take any. (`birth_matches_id` and the like are judged by position.)"""

BY_POSITION = {
    "birth_matches_id": (DATES, ("citizen_id",)),
    "sex_matches_id": (("code",), ("citizen_id",)),
    "required_when": (None, ("code", "text")),
    "empty_when": (None, ("code", "text")),
    "division_matches": (None, ("code",)),
}


def faults(data: dict, known: Known) -> Iterator[tuple[str, str]]:
    """(key path, reason) of everything wrong in one file of rules."""
    if data["resource"] not in known.resources:
        if known.complete:
            yield "resource", f"no resource {data['resource']}"
        return
    fields = known.fields(data["resource"])
    for number, rule in enumerate(data["rules"]):
        for where, reason in _rule(rule, fields, data["resource"], known):
            yield f"rules[{number}].{where}", f"{reason} (rule {rule['id']})"
    if len(data["rules"]) > MAX_RULES:
        yield "rules", f"{len(data['rules'])} rules; at most {MAX_RULES} a resource"
    judged = {name for rule in data["rules"] if rule["check"] in ("not_null", "in_partition") for name in rule["fields"]}
    for name in (one["name"] for one in fields.values() if one.get("required")):
        if name not in judged:
            yield "rules", f"{name} is required, but no not_null rule judges it"


def _rule(rule: dict, fields: dict[str, dict], resource: str, known: Known) -> Iterator[tuple[str, str]]:
    if not rule["id"].startswith(resource + "."):
        yield "id", f"must begin with {resource}."
    missing = [name for name in rule["fields"] if name not in fields]
    for name in missing:
        yield "fields", f"no field {name} in {resource}"
    if not missing:
        yield from _types(rule, [fields[name]["type"].partition(":")[0] for name in rule["fields"]])
        yield from _params(rule, fields, known)


def _types(rule: dict, types: list[str]) -> Iterator[tuple[str, str]]:
    allowed = BY_POSITION.get(rule["check"]) or (TYPES.get(rule["check"]),) * len(types)
    for name, found, wanted in zip(rule["fields"], types, allowed, strict=True):
        if wanted and found not in wanted:
            yield "fields", f"{rule['check']} takes {' or '.join(wanted)}, {name} is {found}"


def _params(rule: dict, fields: dict[str, dict], known: Known) -> Iterator[tuple[str, str]]:
    params = rule.get("params", {})
    judge = _PARAMS.get(rule["check"])
    if judge:
        yield from ((f"params.{name}", reason) for name, reason in judge(rule, params, fields, known))
    if "min" in params and "max" in params and params["min"] > params["max"]:
        yield "params.min", "is greater than max"


def _regex(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    try:
        re.compile(params["regex"])
    except re.error as error:
        yield "regex", f"not a regular expression: {error}"
    if re.search(r"\(\?(=|!|<=|<!)|\\[1-9]", params["regex"]):
        yield "regex", "look-around and back-references are not in RE2"


def _table(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    own = fields[rule["fields"][-1]]["type"].partition(":")[2]
    if params["table"] != own:
        yield "table", f"{rule['fields'][-1]} is of table {own}"


def _values(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    table = fields[rule["fields"][1]]["type"].partition(":")[2]
    if table in known.codes:
        for value in params["values"]:
            if value not in known.codes[table]["values"]:
                yield "values", f"{value} is no code of {table}"


def _date(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    try:
        date.fromisoformat(params["date"])
    except ValueError:
        yield "date", f"{params['date']} is no date"


def _sql(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    if ";" in re.sub(r"'[^']*'", "", params["sql"]):
        yield "sql", "one expression, no statement"
    for name in rule["fields"]:
        if not re.search(rf"\b{name}(__src)?\b", params["sql"]):
            yield "sql", f"does not use {name}"


def _elsewhere(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    """What a rule names of other resources."""
    for resource in params["resources"]:
        if resource not in known.resources:
            if known.complete:
                yield "resources", f"no resource {resource}"
            continue
        for role in (role for role in ("by", "field") if role in params):
            if params[role] not in known.fields(resource):
                yield role, f"no field {params[role]} in {resource}"


def _agrees(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    yield from _elsewhere(rule, params, fields, known)
    mine = fields[rule["fields"][1]]["type"]
    for theirs in _types_elsewhere(params, known):
        if _family(theirs) != _family(mine):
            yield "field", f"is {theirs}, {rule['fields'][1]} is {mine}: such values are never equal"


def _standing(rule: dict, params: dict, fields: dict, known: Known) -> Iterator[tuple[str, str]]:
    yield from _elsewhere(rule, params, fields, known)
    for kind in _types_elsewhere(params, known):
        yield from (("values", reason) for reason in _strangers(params["values"], kind, known))
    if ("while" in params) != (len(rule["fields"]) > 1):
        yield "while", "goes with a second field, whose states it names"
    elif "while" in params:
        yield from (("while", reason) for reason in _strangers(params["while"], fields[rule["fields"][1]]["type"], known))


def _types_elsewhere(params: dict, known: Known) -> list[str]:
    named = (known.fields(one).get(params["field"]) for one in params["resources"] if one in known.resources)
    return [one["type"] for one in named if one]


def _family(kind: str) -> str:
    """Names are written one way, whoever's they are; so are numbers."""
    return {"person_name": "name", "org_name": "name", "holder_names": "name", "holder_numbers": "number", "citizen_id": "number",
            "uscc": "number"}.get(kind, kind)  # fmt: skip


def _strangers(states: list[str], kind: str, known: Known) -> Iterator[str]:
    table = kind.partition(":")[2]
    if table in known.codes:
        yield from (f"{state} is no code of {table}" for state in states if state not in known.codes[table]["values"])


_PARAMS = {
    "pattern": _regex,
    "in_codes": _table,
    "division_matches": _table,
    "required_when": _values,
    "empty_when": _values,
    "not_before": _date,
    "expression": _sql,
    "reference": _elsewhere,
    "agrees": _agrees,
    "standing": _standing,
}
