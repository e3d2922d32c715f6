"""Free text: names, addresses, scopes. What a person would not call a difference is taken away, nothing else.

- full-width letters, digits and symbols become half-width; Chinese punctuation (，：；！？（）) stays as Chinese text writes it
- other NFKC cases that occur in registers: Kangxi radicals and compatibility ideographs, small form variants; Roman numerals,
  circled numbers and ㎡ stay: people write them on purpose
- every kind of space becomes one space, none at the ends; control and zero-width characters go
- organisation names have full-width brackets （）, as printed on the license; person names have no spaces
  inside Chinese and one kind of dot
- `N/A`, `-` and the like are empty

One regular expression a value (`odd`) decides whether there is anything to do; its answer also serves the check `clean_text`.
"""

from __future__ import annotations

import unicodedata

from quality.sql import Sql, compose, literal, literals

EMPTY_WORDS = ("", "N/A", "n/a", "NULL", "null", "(null)", "-", "--", "—", "——", "/", "\\N", "#N/A")
"""Cleaned text that says there is no value."""

KEPT = "，：；！？（）"
"""Full-width punctuation that stays in text."""

_SPACE_CLASS = r"\t-\r\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
_INVISIBLE_CLASS = r"\x00-\x08\x0E-\x1F\x7F-\x{84}\x{86}-\x{9F}\x{AD}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}"
_WIDE_CLASS = (
    r"\x{FF02}-\x{FF07}\x{FF0A}\x{FF0B}\x{FF0D}-\x{FF0F}\x{FF1C}-\x{FF1E}\x{FF20}-\x{FF37}\x{FF39}-\x{FF5E}\x{FFE0}\x{FFE1}\x{FFE5}"
)
"""Full-width forms that change in text, but for digits and X."""

_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F))) + "￥￠￡"
_NARROW = "".join(map(chr, range(0x21, 0x7F))) + "¥¢£"
_DASHES = "–—−‐‑"
_DOTS = ".•・･‧∙⋅●。·"
_TENS = "×ⅩΧХ"
"""What stands for the final X of a number: multiplication sign, Roman ten, Greek chi, Cyrillic kha."""


def _nfkc(first: int, last: int) -> dict[str, str]:
    """Characters of a range that NFKC maps to exactly one other."""
    pairs = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(first, last + 1)}
    return {one: other for one, other in pairs.items() if one != other and len(other) == 1}


_RARE = _nfkc(0x2F00, 0x2FDF) | _nfkc(0xF900, 0xFAFF) | _nfkc(0xFE50, 0xFE6B)
_RARE_CLASS = r"\x{2F00}-\x{2FDF}\x{F900}-\x{FAFF}\x{FE50}-\x{FE6B}"

_DIRT_CLASS = _SPACE_CLASS + _INVISIBLE_CLASS + _WIDE_CLASS + _RARE_CLASS + "０-９Ｘ"


def _unassigned() -> str:
    """Ranges of the basic plane that Unicode assigns to nobody (what GBK bytes read as UTF-8 turn into), as a character class."""
    ranges: list[list[int]] = []
    for code in range(0x370, 0xFFF0):
        if unicodedata.category(chr(code)) == "Cn":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(
        r"\x{" + format(first, "X") + "}" + (r"-\x{" + format(last, "X") + "}" if last > first else "") for first, last in ranges
    )


_SUSPECT_CLASS = r"\x{E000}-\x{F8FF}\x{FFFD}-\x{FFFF}\x{323B0}-\x{E00FF}\x{E01F0}-\x{10FFFF}" + _unassigned()
"""Private use, lost characters, code points nobody assigned; ideographs newer than this Python's tables are names, not damage."""

_HAN = r"\x{2E80}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{323AF}"
SUSPECT = "[" + _SUSPECT_CLASS + "]|[" + _HAN + r"]\?|\?[" + _HAN + "]|锟斤拷|烫烫烫|屯屯屯|ï¿½|â€"
"""Marks of text that was damaged on its way; Chinese text has no ASCII question mark."""

_PLAIN_HAN = r"\x{4E00}-\x{5C6E}\x{5C70}-\x{70EA}\x{70EC}-\x{951E}\x{9520}-\x{9FFF}"
"""The common ideographs but 屯烫锟."""
_PLAIN = _PLAIN_HAN + "0-9A-Za-z：！？（）《》“”‘’—…·【】〔〕"
_PLAIN_TEXT = _PLAIN + "，；。、"
ODD = {
    "text": r"[^ !-/:->@\[-`{-~" + _PLAIN_TEXT + "]|^ | $|  ",
    "org_name": r"[^ !-'*-/:->@\[-`{-~" + _PLAIN_TEXT + "]|^ | $|  ",
    "person_name": r"[^!-'*-\-/:->@\[-`{-~" + _PLAIN + "，；、]|·$",
    "holder_names": r"[^!-'*+\-:->@\[-`{}~" + _PLAIN + "]|·$|;;|^;|;$",
}
"""By family: what makes a value worth a closer look: anything but the plain characters. A superset of dirt and of SUSPECT.

Said by what is plain, because a class of everything that is not takes ten milliseconds to compile, for each field of each batch.
"""

FAMILIES = {"text": "text", "address": "text", "org_name": "org_name", "person_name": "person_name", "holder_names": "holder_names"}
"""Field type → family."""


def macros() -> tuple[Sql, ...]:
    """CREATE MACRO statements of this family."""
    plain = "".join(one for one in _WIDE if one not in KEPT)
    half = "".join(_NARROW[_WIDE.index(one)] for one in plain)
    rare, common = "".join(_RARE), "".join(_RARE.values())
    odd_code, good_code = _WIDE + _DASHES + _TENS, _NARROW + "-" * len(_DASHES) + "X" * len(_TENS)
    places = {
        "digits": literal("０１２３４５６７８９Ｘ"),
        "rare": literal("[" + _RARE_CLASS + "]"),
        "wide_text": literal("[" + _WIDE_CLASS + "]"),
        "wide_code": literal("[^\\x00-\\x7F０-９Ｘ" + _SPACE_CLASS + _INVISIBLE_CLASS + _HAN + "]"),
        "from_text": literal(plain), "to_text": literal(half),
        "from_rare_text": literal(plain + rare), "to_rare_text": literal(half + common),
        "from_code": literal(odd_code), "to_code": literal(good_code),
        "from_rare_code": literal(odd_code + rare), "to_rare_code": literal(good_code + common),
        "spaces": literal("[ " + _SPACE_CLASS + "]+"),
        "invisible": literal("[" + _INVISIBLE_CLASS + "]+"),
        "nothing": literal("[ " + _SPACE_CLASS + _INVISIBLE_CLASS + "]+"),
        "dirt": literal("[" + _DIRT_CLASS + "]|  "),
        "empty": literals(EMPTY_WORDS),
        "longest_empty": literal(max(len(word.encode()) for word in EMPTY_WORDS)),
        "dotted": literal("([" + _HAN + "]) *[" + _DOTS + "] *"),
        "spaced": literal(" *([" + _HAN + "·]) *"),
    }  # fmt: skip
    return tuple(compose(template, **places) for template in _MACROS)


# A macro's argument is copied to each of its uses (by CASE x WHEN … to each WHEN), regular expressions in it are compiled as often, and
# translate builds its table for every row. So: arguments used more than once are columns, long tables stand behind a test, and digits
# (what input methods mostly leave full-width) have a short one.
_MACROS = (
    """CREATE OR REPLACE TEMP MACRO filled(x) AS
        CASE WHEN strlen(x) <= {longest_empty} THEN CASE WHEN x IN ({empty}) THEN NULL ELSE x END ELSE x END""",
    """CREATE OR REPLACE TEMP MACRO half_width(x) AS
        CASE WHEN regexp_matches(x, {rare}) THEN translate(x, {from_rare_text}, {to_rare_text})
             WHEN regexp_matches(x, {wide_text}) THEN translate(x, {from_text}, {to_text})
             ELSE translate(x, {digits}, '0123456789X') END""",
    """CREATE OR REPLACE TEMP MACRO half_width_code(x) AS
        CASE WHEN regexp_matches(x, {rare}) THEN translate(x, {from_rare_code}, {to_rare_code})
             WHEN regexp_matches(x, {wide_code}) THEN translate(x, {from_code}, {to_code})
             ELSE translate(x, {digits}, '0123456789X') END""",
    # A padded column is odd in every row: often trimming is all there is to do.
    """CREATE OR REPLACE TEMP MACRO tidy_any(x) AS
        CASE WHEN regexp_matches(trim(x), {dirt})
             THEN trim(regexp_replace(regexp_replace(half_width(x), {invisible}, '', 'g'), {spaces}, ' ', 'g'))
             ELSE trim(x) END""",
    "CREATE OR REPLACE TEMP MACRO tidy_text(x, odd) AS filled(CASE WHEN odd THEN tidy_any(x) ELSE x END)",
    "CREATE OR REPLACE TEMP MACRO tidy_org_name(x, odd) AS filled(CASE WHEN odd THEN translate(tidy_any(x), '()', '（）') ELSE x END)",
    """CREATE OR REPLACE TEMP MACRO name_of(x) AS
        rtrim(regexp_replace(regexp_replace(translate(tidy_any(x), '()', '（）'), {dotted}, '\\1·', 'g'), {spaced}, '\\1', 'g'), '·')""",
    "CREATE OR REPLACE TEMP MACRO tidy_person_name(x, odd) AS filled(CASE WHEN odd THEN name_of(x) ELSE x END)",
    """CREATE OR REPLACE TEMP MACRO narrow_code(x) AS
        CASE WHEN strlen(x) = length(x) THEN upper(regexp_replace(x, '[^!-~]+', '', 'g'))
             ELSE upper(regexp_replace(half_width_code(x), {nothing}, '', 'g')) END""",
    """CREATE OR REPLACE TEMP MACRO tidy_code(x) AS
        filled(CASE WHEN regexp_full_match(x, '[!-`{-~]+') THEN x ELSE narrow_code(x) END)""",
    """CREATE OR REPLACE TEMP MACRO tidy_stamp(x) AS
        filled(CASE WHEN regexp_full_match(x, '[0-9:./年月日-]+( [0-9:.]+)?') THEN x
                    ELSE upper(trim(regexp_replace(regexp_replace(half_width_code(x), {invisible}, '', 'g'), {spaces}, ' ', 'g'))) END)""",
)
