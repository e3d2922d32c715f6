"""Amounts of money: `39(万)`, `21,036.2000(万元人民币)`, `83万人民币`, `1000万美元`, `600（万香港元）`, `人民币100万元`, `5000000`.

- amount in the currency's unit (yuan, dollar …), two places, and its ISO 4217 code; no currency named = CNY
- a number alone is in yuan; empty brackets `104()` leave the unit open, so the value is NULL and `parsed` says so
- Chinese numerals, two amounts in one cell and unknown currencies are NULL too
"""

from __future__ import annotations

from quality.clean.numbers import NUMBER
from quality.sql import Sql, compose, joined, literal, literals

CURRENCIES = {
    "CNY": ("", "人民币", "RMB", "CNY", "¥", "圆", "人民币圆"),
    "USD": ("美", "美金", "USD", "US$", "$"),
    "HKD": ("港", "港币", "香港", "HKD", "HK$"),
    "EUR": ("欧", "EUR", "€"),
    "JPY": ("日", "日圆", "JPY"),
    "GBP": ("英镑", "GBP", "£"),
    "DEM": ("德国马克", "马克", "DEM"),
    "FRF": ("法国法郎", "FRF"),
    "CHF": ("瑞士法郎", "CHF"),
    "AUD": ("澳", "澳大利亚", "AUD"),
    "CAD": ("加", "加拿大", "CAD"),
    "SGD": ("新加坡", "新", "SGD"),
    "KRW": ("韩", "韩国", "KRW"),
    "TWD": ("新台币", "台币", "TWD"),
    "MOP": ("澳门", "澳门币", "MOP"),
}
"""ISO code → its spellings once every 元 is taken out."""

MULTIPLES = {"万": 10_000, "亿": 100_000_000, "千": 1_000, "百万": 1_000_000, "千万": 10_000_000}

_NAMES = "人民币|RMB|CNY|¥|美元|USD|US[$]|[$]|港币|港元|HKD|HK[$]|欧元|EUR|€|日元|JPY|英镑|GBP|£"
_SHAPE = "(" + _NAMES + ")?[+]?(-?" + NUMBER + ")([(]?)((?:百万|千万|千|万|亿)?)([^0-9,.;()]*?)(?:[(]([^0-9()]*)[)])?([)]?)"
"""Currency before, amount, opening bracket, multiple, currency after, currency in brackets, closing bracket."""


def macros() -> tuple[Sql, ...]:
    cases = joined(" ", (compose("WHEN {c} IN ({names}) THEN {code}", c=Sql("c"), names=literals(names), code=literal(code))
                         for code, names in CURRENCIES.items()))  # fmt: skip
    factors = joined(" ", (compose("WHEN {m} THEN {factor}", m=literal(m), factor=literal(factor)) for m, factor in MULTIPLES.items()))
    places = {"shape": literal(_SHAPE), "whole": literal("^" + _SHAPE + "$"), "cases": cases, "factors": factors}
    return tuple(compose(template, **places) for template in _MACROS)


_MACROS = (
    "CREATE OR REPLACE TEMP MACRO currency_code(c) AS CASE {cases} END",
    "CREATE OR REPLACE TEMP MACRO multiple(m) AS CASE m {factors} ELSE 1 END",
    # The parts of an amount; empty brackets mean that the unit was lost.
    """CREATE OR REPLACE TEMP MACRO money_parts(t) AS
        CASE WHEN regexp_full_match(t, {shape}) AND NOT contains(t, '()')
             THEN regexp_extract(t, {whole}, ['before', 'amount', 'digits', 'opened', 'times', 'after', 'inner', 'closed']) END""",
    """CREATE OR REPLACE TEMP MACRO money_currency(p) AS
        currency_code(replace(p['before'] || p['after'] || p['inner'], '元', ''))""",
    """CREATE OR REPLACE TEMP MACRO money_amount(p) AS
        CASE WHEN money_currency(p) IS NOT NULL AND (p['opened'] = '') = (p['closed'] = '')
             THEN try_cast(try_cast(replace(p['amount'], ',', '') AS DECIMAL(24, 6))
                  * multiple(p['times'])::DECIMAL(9, 0) AS DECIMAL(24, 2)) END""",
)
