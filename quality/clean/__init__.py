"""From source text to a cleaned value: each field type compiles to DuckDB expressions over macros.

A field goes through four steps, each a layer of the scan so that no expression is written twice:

1. look   is there anything to do? text: `odd`, one regular expression; dates, citizen and phone numbers: `quick`, the value or
          the fact that it is in its usual form already, so that the steps below are left to the few that are not
2. tidy   the text without what means nothing; NULL where it is blank or says "no value"
3. parts  the pieces of an amount (money only)
4. value  the typed value(s): DATE, TIMESTAMP, DECIMAL, a code of its table, or the tidied text

Layer columns are `<field>__odd` or `<field>__quick`, `<field>__tidy`, `<field>__parts`; value columns `<field>` (and `<field>_currency`).
"""

from __future__ import annotations

from collections.abc import Iterable

from catalogs.model import Field
from quality.clean import codes, dates, divisions, lists, money, numbers, text
from quality.sql import Sql, compose, ident, literal

_FAMILIES = {
    text: None,
    codes: None,
    dates: {"date", "datetime"},
    numbers: {"decimal"},
    money: {"money"},
    divisions: {"division"},
    lists: {"holder_names", "holder_numbers"},
}
"""Macros by family, and the field types that need them; None = always."""

_STAMPS = ("date", "datetime")
_QUICK = {
    "citizen_id": "regexp_full_match({x}, '[0-9]{17}[0-9X]')",
    "phone": "regexp_full_match({x}, '[0-9]{11}')",
    "date": "quick_date({x})",
    "datetime": "quick_datetime({x})",
}
_VALUES = {
    "citizen_id": "CASE WHEN {quick} THEN {tidy} ELSE value_citizen_id({tidy}) END",
    "phone": "CASE WHEN {quick} THEN {tidy} ELSE value_phone({tidy}) END",
    "date": "CASE WHEN plausible({quick}) THEN {quick} ELSE value_date({tidy}) END",
    "datetime": "CASE WHEN plausible({quick}) THEN {quick} ELSE value_datetime({tidy}) END",
    "certificate_number": "value_certificate_number({tidy})",
    "division": "value_division({tidy})",
    "decimal": "value_decimal({tidy})",
    "money": "money_amount({parts})",
    "holder_names": "value_holder_names({tidy}, {odd})",
    "holder_numbers": "value_holder_numbers({tidy})",
    "code": "coalesce(code_of({table}, {tidy}), {tidy})",
}
ALWAYS_FEW = ("code", "division")
"""Types whose columns repeat few values: they are cleaned once a distinct value."""


def macros(types: Iterable[str]) -> tuple[Sql, ...]:
    """CREATE MACRO statements for these field types: each costs milliseconds to bind, so only what is needed is made."""
    asked = set(types)
    return tuple(one for family, needing in _FAMILIES.items() if needing is None or needing & asked for one in family.macros())


def odd_column(field: Field) -> str:
    return field.name + "__odd"


def quick_column(field: Field) -> str:
    return field.name + "__quick"


def tidy_column(field: Field) -> str:
    return field.name + "__tidy"


def source_column(field: Field) -> str:
    """Name of the column with the source text beside the value, NULL where cleaning changed nothing."""
    return field.name + "__src"


def currency_column(field: Field) -> str:
    return field.name + "_currency"


def value_columns(field: Field) -> tuple[str, ...]:
    return (field.name, currency_column(field)) if field.type == "money" else (field.name,)


def sql_type(field: Field) -> Sql:
    """DuckDB type of the cleaned value."""
    return Sql({"date": "DATE", "datetime": "TIMESTAMP", "money": "DECIMAL(24, 2)", "decimal": "DECIMAL(24, 4)"}.get(field.type, "VARCHAR"))


def look(field: Field, source: Sql) -> dict[str, Sql]:
    """Layer 1."""
    family = _family(field)
    if family is not None:
        return {odd_column(field): compose("regexp_matches({x}, {marks})", x=source, marks=literal(text.ODD[family]))}
    if field.type in _QUICK:
        return {quick_column(field): compose(_QUICK[field.type], x=source)}
    return {}


def tidy(field: Field, source: Sql) -> dict[str, Sql]:
    """Layer 2."""
    return {tidy_column(field): compose(_tidy_template(field), x=source, odd=ident(odd_column(field)), quick=ident(quick_column(field)))}


def parts(field: Field) -> dict[str, Sql]:
    """Layer 3."""
    if field.type != "money":
        return {}
    return {field.name + "__parts": compose("money_parts({tidy})", tidy=ident(tidy_column(field)))}


def values(field: Field) -> dict[str, Sql]:
    """Layer 4."""
    places = {
        "tidy": ident(tidy_column(field)), "odd": ident(odd_column(field)), "quick": ident(quick_column(field)),
        "parts": ident(field.name + "__parts"),
        "table": literal(field.table),
    }  # fmt: skip
    found = {field.name: compose(_VALUES.get(field.type, "{tidy}"), **places)}
    if field.type == "money":
        amount = compose("CASE WHEN money_amount({parts}) IS NOT NULL THEN money_currency({parts}) END", **places)
        found[currency_column(field)] = amount
    return found


def kept_source(field: Field, source: Sql) -> dict[str, Sql]:
    """`<field>__src`: the source text where the value reads differently."""
    same = compose("{x} IS NOT DISTINCT FROM {value}::VARCHAR", x=source, value=ident(field.name))
    return {source_column(field): compose("CASE WHEN {same} THEN NULL ELSE {x} END", same=same, x=source)}


def _family(field: Field) -> str | None:
    """The text family of a field, codes of a table included: their labels are text."""
    return "text" if field.type == "code" else text.FAMILIES.get(field.type)


def _tidy_template(field: Field) -> str:
    family = _family(field)
    if family is not None:
        return {"text": "tidy_text({x}, {odd})", "org_name": "tidy_org_name({x}, {odd})", "person_name": "tidy_person_name({x}, {odd})",
                "holder_names": "tidy_holder_names({x}, {odd})"}[family]  # fmt: skip
    if field.type == "holder_numbers":
        return "tidy_holder_numbers({x})"
    if field.type in _STAMPS:
        return "CASE WHEN plausible({quick}) THEN NULL ELSE tidy_stamp({x}) END"
    return "CASE WHEN {quick} THEN {x} ELSE tidy_code({x}) END" if field.type in _QUICK else "tidy_code({x})"
