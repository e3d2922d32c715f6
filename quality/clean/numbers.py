"""Decimal numbers, four places: thousands separators and units of area go; anything else is NULL and `parsed` says so."""

from __future__ import annotations

from quality.sql import Sql, compose, literal

_AREA = "(㎡|平方米|平米|M2|M²)?"
NUMBER = "([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,4}(?:,[0-9]{4})+)(?:[.][0-9]*)?"
"""Digits, in groups of three or four or none, with or without a fraction."""


def macros() -> tuple[Sql, ...]:
    return tuple(compose(template, whole=literal("[+-]?" + NUMBER + _AREA), area=literal(_AREA + "$")) for template in _MACROS)


_MACROS = (
    """CREATE OR REPLACE TEMP MACRO value_decimal(t) AS
        CASE WHEN try_cast(t AS DECIMAL(24, 4)) IS NOT NULL AND regexp_full_match(t, '-?[0-9]+([.][0-9]+)?')
             THEN try_cast(t AS DECIMAL(24, 4))
             WHEN regexp_full_match(t, {whole}) THEN try_cast(replace(regexp_replace(t, {area}, ''), ',', '') AS DECIMAL(24, 4)) END""",
)
