"""Rules that look a row up in the trusted rows of other resources: one hash join for each set of resources and key, however many ask there.

- `reference`: each item (of a list, or the value) is known there.
- `agrees`: where it is known, one of those rows says what this row says; unknown or empty on either side is undefined.
- `standing`: where it is known, one of those rows is in one of the states `values`; with `while`, judged only for rows of those states.
- Skipped while none of the resources is published. A rule whose SQL fails is errored alone; the others of its join are judged.

Findings go to `late(_row, mask, silent)`: bits of failed rules, and of those that say nothing about a row that has an item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from catalogs.model import ACROSS_CHECKS, Resource, Rule
from quality.outcome import Outcome, errored, skipped
from quality.rulebook import Rulebook
from quality.sql import Sql, commas, compose, ident, joined, literal, literals

LISTS = ("holder_names", "holder_numbers")
Heads = Mapping[str, Sequence[str]]
"""Resource → head Parquet files, as DuckDB calls them."""
Place = tuple[tuple[str, ...], str, str]
"""Resources, their key field, the field of this resource that holds the key."""


def resources(rules: Sequence[Rule]) -> set[str]:
    """Whose heads these rules look into."""
    return {name for rule in rules if rule.check in ACROSS_CHECKS for name in rule.params["resources"]}


def judge(connection: duckdb.DuckDBPyConnection, book: Rulebook, heads: Heads) -> list[Outcome]:
    """Make `late` and judge all rules of ACROSS_CHECKS into it, before duplicates are settled."""
    connection.execute("CREATE OR REPLACE TEMP TABLE late (_row BIGINT, mask BIGINT, silent BIGINT)").fetchall()
    places: dict[Place, list[Rule]] = {}
    for rule in (rule for rule in book.batch_rules if rule.check in ACROSS_CHECKS):
        places.setdefault(_place(rule), []).append(rule)
    return [outcome for place, rules in places.items() for outcome in _judge(connection, book, place, rules, heads)]


def _place(rule: Rule) -> Place:
    return tuple(rule.params["resources"]), str(rule.params["field" if rule.check == "reference" else "by"]), rule.fields[0]


def _judge(connection: duckdb.DuckDBPyConnection, book: Rulebook, place: Place, rules: Sequence[Rule], heads: Heads) -> list[Outcome]:
    paths = [path for name in place[0] for path in heads.get(name, ())]
    if not paths:
        return [skipped(rule, "no publication of " + ", ".join(place[0])) for rule in rules]
    try:
        simple = all(rule.check == "reference" for rule in rules)
        query = _unknown(book, place, rules, paths) if simple else _compared(book, place, rules, paths)
        connection.execute(query.text).fetchall()
    except duckdb.Error as error:
        if len(rules) == 1:
            return [errored(rules[0], type(error).__name__)]
        return [outcome for rule in rules for outcome in _judge(connection, book, place, [rule], heads)]
    return [_counted(connection, book, rule) for rule in rules]


def _unknown(book: Rulebook, place: Place, rules: Sequence[Rule], paths: Sequence[str]) -> Sql:
    """Only whether items are known: the cheapest join."""
    return compose(
        _UNKNOWN, bits=literal(book.mask(rules)), f=ident(place[2]), item=_item(book.resource, place[2]), known=ident(place[1]),
        paths=literals(paths),
    )  # fmt: skip


_UNKNOWN = """INSERT INTO late SELECT DISTINCT asked._row, {bits}, 0
    FROM (SELECT _row, {item} AS item FROM stage WHERE {f} IS NOT NULL AND _op <> 'D') AS asked
    ANTI JOIN (SELECT {known} AS item FROM read_parquet([{paths}], union_by_name = true)) AS known USING (item)"""


def _compared(book: Rulebook, place: Place, rules: Sequence[Rule], paths: Sequence[str]) -> Sql:
    """What is known of each item, compared; then a verdict an item, then a verdict a row."""
    mine = sorted({rule.fields[1] for rule in rules if len(rule.fields) > 1})
    theirs = sorted({str(rule.params["field"]) for rule in rules if rule.check != "reference"})
    verdicts = [_column("verdict", at) for at in range(len(rules))]
    bits = [literal(book.bits[rule.id]) for rule in rules]
    places = {
        "f": ident(place[2]), "item": _item(book.resource, place[2]), "by": ident(place[1]), "paths": literals(paths),
        "mine": _listed(compose("{x} AS {name}", x=_item(book.resource, name), name=_column("mine", at)) for at, name in enumerate(mine)),
        "own": _listed(_column("mine", at) for at in range(len(mine))),
        "theirs": _listed(compose("{x} AS {name}", x=ident(name), name=_column("theirs", at)) for at, name in enumerate(theirs)),
        "by_item": commas(
            compose("bool_or({test}) AS {v}", test=_test(rule, mine, theirs), v=v) for rule, v in zip(rules, verdicts, strict=True)
        ),
        "by_row": commas(compose("bool_and({v}) AS {v}", v=v) for v in verdicts),
        "failed": _bits("CASE WHEN NOT {v} THEN {bit} ELSE 0 END", verdicts, bits),
        "silent": _bits("CASE WHEN {v} IS NULL THEN {bit} ELSE 0 END", verdicts, bits),
    }  # fmt: skip
    return compose(_COMPARED, **places)


_COMPARED = """INSERT INTO late SELECT * FROM (
    SELECT _row, {failed} AS mask, {silent} AS silent FROM (
        SELECT _row, {by_row} FROM (
            SELECT _row, {by_item}
            FROM (SELECT * FROM (SELECT _row, {item} AS item{mine} FROM stage WHERE {f} IS NOT NULL AND _op <> 'D')
                  WHERE item IS NOT NULL) AS asked
            LEFT JOIN (SELECT {by} AS item, TRUE AS known{theirs} FROM read_parquet([{paths}], union_by_name = true)) AS found USING (item)
            GROUP BY _row, item{own})
        GROUP BY _row))
    WHERE mask <> 0 OR silent <> 0"""


def _test(rule: Rule, mine: Sequence[str], theirs: Sequence[str]) -> Sql:
    """What one known row says to one item: true, false or nothing."""
    if rule.check == "reference":
        return compose("known IS NOT NULL")
    said = _column("theirs", theirs.index(str(rule.params["field"])))
    if rule.check == "agrees":
        return compose("{said} = {own}", said=said, own=_column("mine", mine.index(rule.fields[1])))
    stands = compose("{said} IN ({values})", said=said, values=literals(rule.params["values"]))
    if "while" not in rule.params:
        return stands
    own = _column("mine", mine.index(rule.fields[1]))
    return compose("CASE WHEN {own} IN ({states}) THEN {stands} END", own=own, states=literals(rule.params["while"]), stands=stands)


def _column(kind: str, at: int) -> Sql:
    return ident(kind + str(at))


def _listed(columns) -> Sql:
    """After another column: each with a comma before it."""
    return joined("", (compose(", {column}", column=column) for column in columns))


def _bits(template, verdicts: Sequence[Sql], bits: Sequence[Sql]) -> Sql:
    terms = (compose(template, v=v, bit=bit) for v, bit in zip(verdicts, bits, strict=True))
    return compose("({sum})::BIGINT", sum=joined(" + ", terms))


def _item(resource: Resource, name: str) -> Sql:
    """A list's items one by one (several lists of a row go side by side), a single value as it is."""
    if resource.field(name).type in LISTS:
        return compose("unnest(string_split({f}, ';'))", f=ident(name))
    return ident(name)


def _counted(connection: duckdb.DuckDBPyConnection, book: Rulebook, rule: Rule) -> Outcome:
    places = {"f": ident(rule.fields[0]), "bit": literal(book.bits[rule.id])}
    rows, asked = connection.execute(compose(_ASKED, **places).text).fetchall()[0]
    failed, silent = connection.execute(compose(_FOUND, **places).text).fetchall()[0]
    return Outcome(rule, asked - silent, failed, rows - asked + silent)


_ASKED = "SELECT count(*), count(*) FILTER (WHERE {f} IS NOT NULL AND _op <> 'D') FROM stage"
_FOUND = "SELECT count(*) FILTER (WHERE mask & {bit} <> 0), count(*) FILTER (WHERE silent & {bit} <> 0) FROM late"
