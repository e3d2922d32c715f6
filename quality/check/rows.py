"""Row rules as DuckDB expressions: true, false or NULL (undefined), over the columns the scan has made of a row.

What each check means is fixed in docs/architecture.md ("Row checks"). `<field>__tidy`, `<field>__odd`, `<field>__formed` and
`<field>__number` are columns of the scan (quality/scan.py), so that costly parts are computed once a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from catalogs.model import Catalog, Field, Resource, Rule
from quality.clean import odd_column, quick_column, text, tidy_column
from quality.errors import RuleUnsound
from quality.sql import Sql, compose, conjunction, ident, literal, literals, trusted


@dataclass(frozen=True)
class Context:
    """What a row is held against."""

    resource: Resource
    catalog: Catalog
    as_of_on: date
    """Day of the delivery in Shanghai."""
    partition: str | None


def compile_rule(rule: Rule, context: Context) -> Sql:
    """The rule's boolean expression. Raises RuleUnsound for a check that is not a row check or lacks a parameter."""
    try:
        return _CHECKS[rule.check](rule, context)
    except (KeyError, IndexError, ValueError) as error:
        raise RuleUnsound(
            f"rule {rule.id}: check {rule.check} cannot be compiled ({type(error).__name__}): correct it in the catalogue"
        ) from error


def shape_columns(field: Field) -> dict[str, Sql]:
    """Columns several rules share: is a citizen number well formed, and its 17 digits as a number."""
    if field.type != "citizen_id":
        return {}
    value = ident(field.name)
    return {
        field.name + "__formed": compose(
            "CASE WHEN {quick} THEN TRUE ELSE is_citizen_form({value}) END", quick=ident(quick_column(field)), value=value
        ),
        field.name + "__number": compose("citizen_number({value})", value=value),
    }


def _field(rule: Rule, context: Context, at: int = 0) -> Field:
    return context.resource.field(rule.fields[at])


def _value(rule: Rule, at: int = 0) -> Sql:
    return ident(rule.fields[at])


def _not_null(rule: Rule, context: Context) -> Sql:
    return compose("{f} IS NOT NULL", f=_value(rule))


def _parsed(rule: Rule, context: Context) -> Sql:
    field = _field(rule, context)
    silent = "{tidy} IS NULL OR open_ended({tidy})" if field.type in ("date", "datetime") else "{tidy} IS NULL"
    template = "CASE WHEN {f} IS NOT NULL THEN TRUE WHEN {silent} THEN NULL ELSE FALSE END"
    return compose(template, silent=compose(silent, tidy=ident(tidy_column(field))), f=_value(rule))


def _pattern(rule: Rule, context: Context) -> Sql:
    return compose("regexp_full_match({f}, {regex})", f=_value(rule), regex=literal(str(rule.params["regex"])))


def _bounds(measured: Sql, rule: Rule, at_least: str, at_most: str) -> Sql:
    bounds = [
        compose(template, measured=measured, bound=literal(rule.params[name]))
        for name, template in (("min", at_least), ("max", at_most))
        if rule.params.get(name) is not None
    ]
    return conjunction(bounds)


def _length(rule: Rule, context: Context) -> Sql:
    return _bounds(compose("length({f})", f=_value(rule)), rule, "{measured} >= {bound}", "{measured} <= {bound}")


def _number_range(rule: Rule, context: Context) -> Sql:
    return _bounds(_value(rule), rule, "{measured} >= {bound}", "{measured} <= {bound}")


def _check_digit(rule: Rule, context: Context) -> Sql:
    value, kind = _value(rule), str(rule.params["kind"])
    if kind == "citizen_id":
        return compose("citizen_id_ok({f}, {formed}, {number})", f=value, **_number(rule, context, 0))
    return compose({"uscc": "uscc_ok({f})", "license_identifier": "license_identifier_ok({f})"}[kind], f=value)


def _org_part(rule: Rule, context: Context) -> Sql:
    """Undefined unless the value is a credit code: what fails its own check has no inner part to speak of."""
    return compose("CASE WHEN uscc_ok({f}) THEN organization_ok({f}, 9) END", f=_value(rule))


def _in_codes(rule: Rule, context: Context) -> Sql:
    codes = context.catalog.codes[str(rule.params["table"])].labels
    return compose("{f} IN ({codes})", f=_value(rule), codes=literals(codes))


def _part(rule: Rule) -> Sql:
    """The characters of the code that name a division."""
    if "start" not in rule.params:
        return _value(rule)
    start, length = literal(int(rule.params["start"])), literal(int(rule.params.get("length", 6)))
    return compose("substr({f}, {start}, {length})", f=_value(rule), start=start, length=length)


def _division(rule: Rule) -> Sql:
    """The six digits of the division the code names; a shorter part is a province or city."""
    length = int(rule.params.get("length", 6)) if "start" in rule.params else 6
    return _part(rule) if length == 6 else compose("rpad({part}, 6, '0')", part=_part(rule))


def _division_known(rule: Rule, context: Context) -> Sql:
    return compose("{division} IN (SELECT code FROM division)", division=_division(rule))


def _division_current(rule: Rule, context: Context) -> Sql:
    return compose("{division} IN (SELECT code FROM division WHERE in_use)", division=_division(rule))


def _division_matches(rule: Rule, context: Context) -> Sql:
    codes = context.catalog.codes[str(rule.params["table"])].labels
    place = _value(rule, 1)
    if _field(rule, context, 1).table != rule.params["table"]:
        place = compose("code_of({table}, {place})", table=literal(str(rule.params["table"])), place=place)
    return compose("CASE WHEN {place} IN ({codes}) THEN {part} = {place} END", place=place, codes=literals(codes), part=_part(rule))


def _clean_text(rule: Rule, context: Context) -> Sql:
    field = _field(rule, context)
    judged = compose("NOT regexp_matches({f}, {suspect})", f=_value(rule), suspect=literal(text.SUSPECT))
    if field.type not in text.FAMILIES:
        return judged
    # What was not odd at the source has no suspect mark either: the odd marks include them.
    template = "CASE WHEN {f} IS NULL THEN NULL WHEN {odd} THEN {judged} ELSE TRUE END"
    return compose(template, f=_value(rule), odd=ident(odd_column(field)), judged=judged)


def _in_partition(rule: Rule, context: Context) -> Sql:
    return compose("coalesce({f} = {partition}, FALSE)", f=_value(rule), partition=literal(context.partition))


def _well_formed_row(rule: Rule, context: Context) -> Sql:
    return trusted('"_raw" IS NULL')


def _number(rule: Rule, context: Context, at: int) -> dict[str, Sql]:
    """Whether a citizen number is well formed, and its first 17 digits as a number."""
    field = _field(rule, context, at)
    if field.type == "citizen_id":
        return {"formed": ident(field.name + "__formed"), "number": ident(field.name + "__number")}
    value = ident(field.name)
    return {"formed": compose("is_citizen_form({f})", f=value), "number": compose("citizen_number({f})", f=value)}


def _birth_matches_id(rule: Rule, context: Context) -> Sql:
    template = "CASE WHEN {formed} THEN {number} // 1000 % 100000000 = year({f}) * 10000 + month({f}) * 100 + day({f}) END"
    return compose(template, f=_value(rule), **_number(rule, context, 1))


def _sex_matches_id(rule: Rule, context: Context) -> Sql:
    template = "CASE WHEN {formed} AND {f} IN ('1', '2') THEN ({number} % 2 = 1) = ({f} = '1') END"
    return compose(template, f=_value(rule), **_number(rule, context, 1))


def _not_future(rule: Rule, context: Context) -> Sql:
    return compose("{f}::DATE <= {day}", f=_value(rule), day=literal(context.as_of_on))


def _not_before(rule: Rule, context: Context) -> Sql:
    return compose("{f}::DATE >= {day}", f=_value(rule), day=literal(date.fromisoformat(str(rule.params["date"]))))


def _date_order(rule: Rule, context: Context) -> Sql:
    return compose("{a} <= {b}", a=_value(rule), b=_value(rule, 1))


def _required_when(rule: Rule, context: Context) -> Sql:
    return _when(rule, "CASE WHEN {g} IN ({values}) THEN {f} IS NOT NULL END")


def _empty_when(rule: Rule, context: Context) -> Sql:
    return _when(rule, "CASE WHEN {g} IN ({values}) THEN {f} IS NULL END")


def _when(rule: Rule, template: str) -> Sql:
    values = literals(str(value) for value in rule.params["values"])
    return compose(template, f=_value(rule), g=_value(rule, 1), values=values)


def _same_count(rule: Rule, context: Context) -> Sql:
    count = "strlen({f}) - strlen(replace({f}, ';', ''))"
    return compose("{a} = {b}", a=compose(count, f=_value(rule)), b=compose(count, f=_value(rule, 1)))


def _expression(rule: Rule, context: Context) -> Sql:
    return compose("({sql})::BOOLEAN", sql=trusted(str(rule.params["sql"])))


_CHECKS: Mapping[str, Callable[[Rule, Context], Sql]] = {
    "not_null": _not_null,
    "parsed": _parsed,
    "pattern": _pattern,
    "length": _length,
    "check_digit": _check_digit,
    "org_part_check_digit": _org_part,
    "in_codes": _in_codes,
    "division_known": _division_known,
    "division_current": _division_current,
    "division_matches": _division_matches,
    "clean_text": _clean_text,
    "in_partition": _in_partition,
    "well_formed_row": _well_formed_row,
    "birth_matches_id": _birth_matches_id,
    "sex_matches_id": _sex_matches_id,
    "not_future": _not_future,
    "not_before": _not_before,
    "date_order": _date_order,
    "required_when": _required_when,
    "empty_when": _empty_when,
    "number_range": _number_range,
    "same_count": _same_count,
    "expression": _expression,
}
