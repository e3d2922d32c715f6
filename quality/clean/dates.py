"""Dates and times as registers write them. Dates are Asia/Shanghai; a time with a zone is turned into Shanghai's.

- 20230105, 2023-01-05, 2023/1/5, 2023.1.5, 2023年1月5日, each also with a time after it; 14 digits; Excel serial days
- long-term words (长期, 9999-12-31 …) and blanks are NULL and not judged by `parsed`
- an impossible or ambiguous date (two-digit year, month only, a bare year) is NULL, and `parsed` says so
"""

from __future__ import annotations

from quality.sql import Sql, compose, literal, literals

LONG_TERM = ("长期", "长期有效", "永久", "永久有效", "无固定期限", "无固定期", "无期限", "长久")
"""Words for a validity without end."""

_DAY = "([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})[日号]?"
_TIME = "[T ]?[0-9]{1,2}[:时][0-9]{1,2}([:分][0-9]{1,2}秒?([.][0-9]+)?)?分?"
_ZONE = "(Z|[+-][0-9]{2}:?[0-9]{2})"


def macros() -> tuple[Sql, ...]:
    places = {
        "long_term": literals(LONG_TERM),
        "end_of_time": literal("9999[-/.年]?12[-/.月]?31日?.*"),
        "day": literal(_DAY),
        "day_time": literal(_DAY + _TIME),
        "parts": literal(_DAY + "[T ]?([0-9]{1,2})[:时]([0-9]{1,2})(?:[:分]([0-9]{1,2}))?.*"),
        "zoned": literal(_DAY + _TIME + _ZONE),
    }
    return tuple(compose(template, **places) for template in _MACROS)


_MACROS = (
    "CREATE OR REPLACE TEMP MACRO digits_day(t) AS try_cast(substr(t, 1, 4) || '-' || substr(t, 5, 2) || '-' || substr(t, 7, 2) AS DATE)",
    # The usual spellings, without a regular expression; what is left is for value_date. The cast refuses impossible days.
    """CREATE OR REPLACE TEMP MACRO quick_date(x) AS
        CASE WHEN strlen(x) = 10 AND substr(x, 8, 1) = '-' THEN try_cast(x AS DATE)
             WHEN strlen(x) = 8 AND try_cast(x AS INTEGER) >= 10000000 THEN digits_day(x)
             WHEN strlen(x) <= 17 AND strpos('-/.年', substr(x, 5, 1)) > 0 AND try_cast(substr(x, 1, 4) AS INTEGER) >= 1000
                 THEN try_cast(translate(x, '/.年月日号', '----') AS DATE) END""",
    """CREATE OR REPLACE TEMP MACRO quick_datetime(x) AS
        CASE WHEN strlen(x) = 19 AND substr(x, 11, 1) = ' ' THEN try_cast(x AS TIMESTAMP) END""",
    "CREATE OR REPLACE TEMP MACRO plausible(quick) AS quick >= DATE '0001-01-01' AND quick < DATE '9999-12-31'",
    "CREATE OR REPLACE TEMP MACRO open_ended(t) AS t IN ({long_term}) OR regexp_full_match(t, {end_of_time})",
    # Days since 1899-12-30; numbers of four digits that look like a year (1800–2100) are no serial days.
    """CREATE OR REPLACE TEMP MACRO serial_day(t) AS
        CASE WHEN regexp_full_match(t, '[0-9]{4,5}([.][0-9]+)?') AND try_cast(t AS DOUBLE) NOT BETWEEN 1800 AND 2100
             THEN try_cast(t AS DOUBLE) END""",
    # try_cast, not to_timestamp: an impossible day must become NULL, not an error.
    """CREATE OR REPLACE TEMP MACRO shanghai(t) AS
        try_cast(replace(replace(t, '/', '-'), 'Z', '+00:00') AS TIMESTAMPTZ) AT TIME ZONE 'Asia/Shanghai'""",
    """CREATE OR REPLACE TEMP MACRO value_date(t) AS
        CASE WHEN t IS NULL OR open_ended(t) THEN NULL
             WHEN regexp_full_match(t, '[0-9]{8}|[0-9]{12}|[0-9]{14}') THEN digits_day(t)
             WHEN regexp_full_match(t, {day}) THEN try_cast(regexp_replace(t, {day}, '\\1-\\2-\\3') AS DATE)
             WHEN regexp_full_match(t, {day_time}) THEN try_cast(regexp_replace(t, {parts}, '\\1-\\2-\\3') AS DATE)
             WHEN regexp_full_match(t, {zoned}) THEN try_cast(shanghai(t) AS DATE)
             WHEN serial_day(t) IS NOT NULL THEN DATE '1899-12-30' + try_cast(floor(serial_day(t)) AS INTEGER)
        END""",
    """CREATE OR REPLACE TEMP MACRO value_datetime(t) AS
        CASE WHEN t IS NULL OR open_ended(t) THEN NULL
             WHEN regexp_full_match(t, '[0-9]{14}') THEN try_strptime(t, '%Y%m%d%H%M%S')
             WHEN regexp_full_match(t, {zoned}) THEN shanghai(t)
             WHEN regexp_full_match(t, {day_time})
                 THEN try_cast(regexp_replace(regexp_replace(t, {parts}, '\\1-\\2-\\3 \\4:\\5:\\6'), ':$', ':00') AS TIMESTAMP)
             WHEN serial_day(t) IS NOT NULL THEN TIMESTAMP '1899-12-30' + to_seconds(round(serial_day(t) * 86400))
             ELSE try_cast(value_date(t) AS TIMESTAMP)
        END""",
)
