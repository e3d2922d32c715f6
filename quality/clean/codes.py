"""Codes and numbers that name things: capitals, half-width, no spaces; 15-digit citizen numbers become 18-digit ones.

- citizen_id: GB 11643; the 15-digit form of before 1999 is extended with the century 19 and its check character
- uscc, certificate_number, real_estate_unit, phone: form only; what is wrong is found by rules
- certificate numbers with Chinese in them keep full-width brackets, as printed: 桂（2026）…第0000001号
- phone: country code 86 and the separators of mobile numbers go
"""

from __future__ import annotations

from quality.sql import Sql, trusted

TYPES = ("citizen_id", "uscc", "certificate_number", "phone", "real_estate_unit")


def macros() -> tuple[Sql, ...]:
    return tuple(trusted(text) for text in _MACROS)


_MACROS = (
    # Horner in base 10 turned to base 2: Σ digit·2^position without looking at single digits.
    """CREATE OR REPLACE TEMP MACRO citizen_digits(n) AS
        n - 8 * (n // 10 + (n // 100) * 2 + (n // 1000) * 4 + (n // 10000) * 8 + (n // 100000) * 16 + (n // 1000000) * 32
          + (n // 10000000) * 64 + (n // 100000000) * 128 + (n // 1000000000) * 256 + (n // 10000000000) * 512
          + (n // 100000000000) * 1024 + (n // 1000000000000) * 2048 + (n // 10000000000000) * 4096
          + (n // 100000000000000) * 8192 + (n // 1000000000000000) * 16384 + (n // 10000000000000000) * 32768)""",
    "CREATE OR REPLACE TEMP MACRO citizen_letter(number) AS substr('10X98765432', 1 + (citizen_digits(number) * 2 % 11)::INT, 1)",
    # Slower, but its argument is used once: for the few 15-digit numbers.
    """CREATE OR REPLACE TEMP MACRO citizen_letter_of(body) AS
        substr('10X98765432', 1 + list_dot_product(string_split(body, '')::FLOAT[],
            [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]::FLOAT[])::INT % 11, 1)""",
    "CREATE OR REPLACE TEMP MACRO citizen_body(x) AS substr(x, 1, 6) || '19' || substr(x, 7, 9)",
    """CREATE OR REPLACE TEMP MACRO value_citizen_id(t) AS
        CASE WHEN strlen(t) = 15
             THEN CASE WHEN regexp_full_match(t, '[0-9]{15}') THEN citizen_body(t) || citizen_letter_of(citizen_body(t)) ELSE t END
             ELSE t END""",
    """CREATE OR REPLACE TEMP MACRO value_certificate_number(t) AS
        CASE WHEN strlen(t) = length(t) THEN t ELSE translate(t, '()', '（）') END""",
    """CREATE OR REPLACE TEMP MACRO value_phone(t) AS
        CASE WHEN regexp_full_match(t, '[0-9]{11}') THEN t
             WHEN regexp_full_match(t, '([+]|00)?(86)?-?1[0-9]{2}-?[0-9]{4}-?[0-9]{4}') THEN right(replace(t, '-', ''), 11)
             ELSE regexp_replace(regexp_replace(t, '^([+]86|0086)-?', ''), '^[(](0[0-9]{2,3})[)]-?', '\\1-') END""",
)
