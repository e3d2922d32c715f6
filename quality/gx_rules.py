"""Which Great Expectations expectation says what a rule says: a core one where it fits, else one of `quality.gx_expectations`.

- Nothing here shares code with the SQL of `quality/check` (lists of words alone); the parity tests hold the two against each other.
- Undefined rows are GX's *missing* ones (column missing, `ignore_row_if`, no verdict) or lie outside the `row_condition`.
- What differs from batch to batch is a suite parameter: `next_day` (the day after the batch's) and `partition`.

Imports Great Expectations at the top: import this module only inside functions of `quality/gx.py`.
Source: docs/architecture.md, "Row checks".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from great_expectations import expectations as core
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import Column, PassThroughCondition

from catalogs.model import Catalog, Resource, Rule
from quality import gx_expectations as own
from quality import gx_verdicts
from quality.clean.dates import LONG_TERM
from quality.clean.text import EMPTY_WORDS
from quality.gx_frame import midnight

Expressed = tuple[type, dict[str, Any]]
"""An expectation's class and the arguments that say what it expects."""


def express(rule: Rule, resource: Resource, catalog: Catalog, common: dict[str, Any]) -> Expectation:
    """The rule as an expectation. Raises KeyError for a check that has no expression here."""
    kind, arguments = EXPRESSIONS[rule.check](rule, resource, catalog)
    return kind(**arguments, **common)


def _not_null(rule: Rule, *_: Any) -> Expressed:
    return core.ExpectColumnValuesToNotBeNull, {"column": rule.fields[0]}


def _well_formed_row(rule: Rule, *_: Any) -> Expressed:
    return core.ExpectColumnValuesToBeNull, {"column": "_raw"}


def _parsed(rule: Rule, resource: Resource, catalog: Catalog) -> Expressed:
    """Judges rows with a cleaned value, or with a source text that is neither blank nor a word for "none"; for dates nor for "no end"."""
    name = rule.fields[0]
    dated = resource.field(name).type in ("date", "datetime")
    silent = [*EMPTY_WORDS, *(LONG_TERM if dated else ())]
    source = f"`{name}__src`.fillna('').str.strip()"
    endless = f" and not {source}.str.match(r'9999\\D?12\\D?31')" if dated else ""
    judged = PassThroughCondition(pass_through_filter=f"`{name}`.notna() or (not {source}.isin({silent}){endless})")
    return core.ExpectColumnValuesToNotBeNull, {"column": name, "row_condition": judged}


def _pattern(rule: Rule, *_: Any) -> Expressed:
    return core.ExpectColumnValuesToMatchRegex, {"column": rule.fields[0], "regex": f"^(?:{rule.params['regex']})$"}


def _bounds(rule: Rule) -> dict[str, Any]:
    return {"column": rule.fields[0], "min_value": rule.params.get("min"), "max_value": rule.params.get("max")}


def _length(rule: Rule, *_: Any) -> Expressed:
    return core.ExpectColumnValueLengthsToBeBetween, _bounds(rule)


def _number_range(rule: Rule, *_: Any) -> Expressed:
    return core.ExpectColumnValuesToBeBetween, _bounds(rule)


def _in_codes(rule: Rule, resource: Resource, catalog: Catalog) -> Expressed:
    codes = catalog.codes[str(rule.params["table"])].labels
    return core.ExpectColumnValuesToBeInSet, {"column": rule.fields[0], "value_set": list(codes)}


def _in_partition(rule: Rule, *_: Any) -> Expressed:
    """Judges empty values too, so no row is ignored; GX wants a second column for that domain."""
    domain = {"column_list": [rule.fields[0], "_origin"], "ignore_row_if": "never"}
    return own.ExpectColumnsToPassCheck, {**domain, "check": rule.check, "params": {}, "against": {"$PARAMETER": "partition"}}


def _not_future(rule: Rule, *_: Any) -> Expressed:
    bound = {"max_value": {"$PARAMETER": "next_day"}, "strict_max": True}
    return core.ExpectColumnValuesToBeBetween, {"column": rule.fields[0], **bound}


def _not_before(rule: Rule, *_: Any) -> Expressed:
    return core.ExpectColumnValuesToBeBetween, {"column": rule.fields[0], "min_value": midnight(str(rule.params["date"]))}


def _date_order(rule: Rule, *_: Any) -> Expressed:
    earlier, later = rule.fields
    domain = {"column_A": later, "column_B": earlier, "ignore_row_if": "either_value_is_missing"}
    return core.ExpectColumnPairValuesAToBeGreaterThanB, {**domain, "or_equal": True}


def _required_when(rule: Rule, *_: Any) -> Expressed:
    name, other = rule.fields
    return core.ExpectColumnValuesToNotBeNull, {"column": name, "row_condition": Column(other).is_in(rule.params["values"])}


def _empty_when(rule: Rule, *_: Any) -> Expressed:
    name, other = rule.fields
    return core.ExpectColumnValuesToBeNull, {"column": name, "row_condition": Column(other).is_in(rule.params["values"])}


def _column(rule: Rule, *_: Any) -> Expressed:
    return own.ExpectColumnValuesToPassCheck, {"column": rule.fields[0], "check": rule.check, "params": dict(rule.params)}


def _columns(rule: Rule, *_: Any) -> Expressed:
    domain = {"column_list": list(rule.fields), "ignore_row_if": "any_value_is_missing"}
    return own.ExpectColumnsToPassCheck, {**domain, "check": rule.check, "params": dict(rule.params)}


def _division_matches(rule: Rule, resource: Resource, catalog: Catalog) -> Expressed:
    """Only a place that the table knows has a code to compare with."""
    kind, arguments = _columns(rule)
    return kind, {**arguments, "row_condition": Column(rule.fields[1]).is_in(catalog.codes[str(rule.params["table"])].aliases)}


def _rows(rule: Rule, *_: Any) -> Expressed:
    return own.ExpectRowsToPassCheck, {"columns": list(rule.fields), "check": rule.check}


def _expression(rule: Rule, resource: Resource, catalog: Catalog) -> Expressed:
    dates = [field.name for field in resource.fields if field.type == "date"]
    return own.ExpectRowsToSatisfySql, {"sql": rule.params["sql"], "dates": dates}


def _unique(rule: Rule, *_: Any) -> Expressed:
    if len(rule.fields) == 1:
        return core.ExpectColumnValuesToBeUnique, {"column": rule.fields[0]}
    return core.ExpectCompoundColumnsToBeUnique, {"column_list": list(rule.fields), "ignore_row_if": "any_value_is_missing"}


def _batch(rule: Rule, *_: Any) -> Expressed:
    return own.ExpectBatchToPassCheck, {"check": rule.check, "params": dict(rule.params)}


EXPRESSIONS: Mapping[str, Callable[[Rule, Resource, Catalog], Expressed]] = {
    **{check: _column for check in gx_verdicts.COLUMN},
    **{check: _columns for check in gx_verdicts.COLUMNS},
    **{check: _rows for check in gx_verdicts.ROWS},
    **{check: _batch for check in own.JUDGED_OVER_BATCHES},
    "division_matches": _division_matches,
    "not_null": _not_null,
    "parsed": _parsed,
    "pattern": _pattern,
    "length": _length,
    "in_codes": _in_codes,
    "in_partition": _in_partition,
    "well_formed_row": _well_formed_row,
    "not_future": _not_future,
    "not_before": _not_before,
    "number_range": _number_range,
    "date_order": _date_order,
    "required_when": _required_when,
    "empty_when": _empty_when,
    "expression": _expression,
    "unique": _unique,
}
