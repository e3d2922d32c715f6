"""Division codes (GB/T 2260): six digits. Statistical codes of 12 digits and short codes of provinces and cities are brought to six."""

from __future__ import annotations

from quality.sql import Sql, trusted


def macros() -> tuple[Sql, ...]:
    return tuple(trusted(text) for text in _MACROS)


_MACROS = (
    """CREATE OR REPLACE TEMP MACRO value_division(t) AS
        CASE WHEN strlen(t) = 6 THEN t
             WHEN regexp_full_match(t, '[0-9]{6}0{6}') THEN substr(t, 1, 6)
             WHEN regexp_full_match(t, '[0-9]{2}|[0-9]{4}') THEN rpad(t, 6, '0')
             WHEN regexp_full_match(t, '[0-9]{6}[.]0') THEN substr(t, 1, 6)
             ELSE t END""",
)
