"""Lists in one cell (co-owners and their numbers): separated by `;` after cleaning, each item cleaned like a single value.

Separators that occur: ; ； 、 , ， / | and line breaks. Empty items go; order stays, because two lists are read side by side.
"""

from __future__ import annotations

from quality.sql import Sql, compose, literal

_SEPARATORS = "[;；、,，/|\n\r]+"


def macros() -> tuple[Sql, ...]:
    return tuple(compose(template, separators=literal(_SEPARATORS)) for template in _MACROS)


# The whole cell is tidied at once and then cut: a macro's argument is copied to each of its uses, so macros inside a lambda grow fast.
_MACROS = (
    """CREATE OR REPLACE TEMP MACRO items(x) AS
        list_filter(list_transform(string_split_regex(x, {separators}), lambda item: trim(item)), lambda item: item <> '')""",
    "CREATE OR REPLACE TEMP MACRO one_line(x) AS translate(x, chr(10) || chr(13), ';;')",
    "CREATE OR REPLACE TEMP MACRO tidy_holder_names(x, odd) AS filled(CASE WHEN odd THEN name_of(one_line(x)) ELSE x END)",
    "CREATE OR REPLACE TEMP MACRO value_holder_names(t, odd) AS filled(CASE WHEN odd THEN array_to_string(items(t), ';') ELSE t END)",
    "CREATE OR REPLACE TEMP MACRO tidy_holder_numbers(x) AS filled(narrow_code(one_line(x)))",
    """CREATE OR REPLACE TEMP MACRO value_holder_numbers(t) AS
        CASE WHEN regexp_full_match(t, '[0-9A-Z]{18}(;[0-9A-Z]{18})*') THEN t
             ELSE filled(array_to_string(list_transform(items(t), lambda item: value_citizen_id(item)), ';')) END""",
)
