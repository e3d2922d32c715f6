"""One scan of a landed batch: every field cleaned, every row rule judged, into `stage`.

    landed Parquet ─► columns with few distinct values: cleaned and judged once a value (quality/few.py)
                   ─► all others: layer by layer, each layer a projection over the one before
                   ─► stage: values, `<field>__src`, `_row`, `_source`, `_line`, `_op`, `_failed`, `_undefined`

- `_row` is the row's number in the Parquet file: unique, and the order of delivery.
- `_failed` and `_undefined` are sums of rule bits (quality/rulebook.py).
- A rule whose SQL cannot be bound, or fails on the data, is left out and reported as errored; the batch goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import duckdb

from catalogs.model import Field, Resource, Rule
from quality import clean, few
from quality.check.rows import Context, compile_rule, shape_columns
from quality.duplicates import key_of
from quality.rulebook import Rulebook
from quality.sql import NULL, Sql, commas, compose, ident, joined, literal, named, trusted

DATA_FAULTS = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)
"""What a rule's SQL can raise on data; a full disk or broken file is not among them."""


@dataclass(frozen=True)
class Landed:
    """Where the rows are and which of the resource's columns they have."""

    path: str | Path
    """What DuckDB calls the file (`Lake.named`)."""
    columns: frozenset[str]
    rows: Sql | None = None
    """Rows in the shape of a landed file, where they have to be made from another one."""

    def source(self, field: Field) -> Sql:
        return ident(field.source) if field.source in self.columns else trusted("NULL::VARCHAR")

    @property
    def table(self) -> Sql:
        return self.rows or compose("read_parquet({path}, file_row_number = true)", path=literal(str(self.path)))


@dataclass(frozen=True)
class Judgement:
    """What the scan could not judge: rule id → class of the error. Values never appear in it."""

    errored: Mapping[str, str]


def stage(connection: duckdb.DuckDBPyConnection, landed: Landed, book: Rulebook, context: Context) -> Judgement:
    """Make `stage`. Raises duckdb.Error only where no single rule is at fault."""
    errored: dict[str, str] = {}
    while True:
        rules = [rule for rule in book.row_rules if rule.id not in errored]
        try:
            _run(connection, landed, book, context, rules)
            return Judgement(errored)
        except duckdb.Error:
            culprits = _unbindable(connection, landed, context, rules) or _failing(connection, landed, context, rules)
            if not culprits:
                raise
            errored |= culprits


def _unbindable(connection: duckdb.DuckDBPyConnection, landed: Landed, context: Context, rules: Iterable[Rule]) -> dict[str, str]:
    """Rules whose expression does not fit the columns, found on an empty table of the scan's shape."""
    shaped = _layered(_every(landed, context.resource), context.resource.fields)
    connection.execute(compose("CREATE OR REPLACE TEMP TABLE shape AS SELECT * FROM ({shaped}) LIMIT 0", shaped=shaped).text).fetchall()
    found = {}
    for rule in rules:
        try:
            connection.execute(compose("SELECT {rule} FROM shape", rule=compile_rule(rule, context)).text).fetchall()
        except duckdb.Error as error:
            found[rule.id] = type(error).__name__
    return found


def _failing(connection: duckdb.DuckDBPyConnection, landed: Landed, context: Context, rules: Iterable[Rule]) -> dict[str, str]:
    """Rules written as free SQL that fail on this batch, each tried alone."""
    rows = _layered(_every(landed, context.resource), context.resource.fields)
    found = {}
    for rule in rules:
        if rule.check != "expression":
            continue
        try:
            connection.execute(compose("SELECT count({rule}) FROM ({rows})", rule=compile_rule(rule, context), rows=rows).text).fetchall()
        except DATA_FAULTS as error:
            found[rule.id] = type(error).__name__
    return found


def _run(connection: duckdb.DuckDBPyConnection, landed: Landed, book: Rulebook, context: Context, rules: Sequence[Rule]) -> None:
    fields, rows = few.choose(connection, str(landed.path), landed.columns, context.resource)
    singles = {field.name: [rule for rule in rules if _single(rule) and rule.fields == (field.name,)] for field in fields}
    packed: dict[str, list[str]] = {field.name: [] for field in fields}
    for number, field in enumerate(fields):
        connection.execute(_few_table(number, field, landed, singles[field.name], book, context).text).fetchall()
        if rows >= few.PACKED_FROM:
            packed[field.name] = few.pack(connection, number, field)
    done = {rule.id for kept in singles.values() for rule in kept}
    rest = [rule for rule in rules if rule.id not in done]
    connection.execute(_scanned(landed, fields, packed, rest, book, context).text).fetchall()
    connection.execute(_unpacked(context.resource, packed).text)
    for number in range(len(fields)):
        connection.execute(compose("DROP TABLE {few}", few=few.table(number)).text)


def _single(rule: Rule) -> bool:
    """A rule that one field's value decides. Free SQL may look at any column."""
    return len(rule.fields) == 1 and rule.check != "expression"


def _few_table(number: int, field: Field, landed: Landed, rules: Sequence[Rule], book: Rulebook, context: Context) -> Sql:
    distinct = compose("SELECT DISTINCT {x} AS {raw} FROM {landed}", x=landed.source(field), raw=_raw(field), landed=landed.table)
    columns = [_raw(field), *map(ident, few.carried(field))]
    columns += [named(_failed(rules, book), "failed"), named(_undefined(rules, book), "undefined")]
    return compose(
        "CREATE OR REPLACE TEMP TABLE {few} AS SELECT {columns} FROM ({rows})",
        few=few.table(number), columns=commas(columns), rows=_judged(_layered(distinct, [field]), rules, context),
    )  # fmt: skip


def _scanned(
    landed: Landed, fields: Sequence[Field], packed: Mapping[str, list[str]], rules: Sequence[Rule], book: Rulebook, context: Context
) -> Sql:
    """Table `scanned`: all columns, those of few values packed."""
    direct = [field for field in context.resource.fields if field not in fields]
    rows = _judged(_layered(_joined(landed, direct, fields, packed, context), direct), rules, context)
    twins = {name for names in packed.values() for name in names}
    columns = [named(ident(few.packed_column(name)), name) if name in twins else ident(name) for name in _kept_columns(context.resource)]
    columns += [ident(name) for name in _OWN]
    columns += _applicable(
        few.total("failed", _failed(rules, book), len(fields)), few.total("undefined", _undefined(rules, book), len(fields)), book
    )
    return compose("CREATE OR REPLACE TEMP TABLE scanned AS SELECT {columns} FROM ({rows})", columns=commas(columns), rows=rows)


def _unpacked(resource: Resource, packed: Mapping[str, list[str]]) -> Sql:
    """View `stage`: `scanned` with text as text."""
    twins = {name for names in packed.values() for name in names}
    columns = [
        named(compose("{name}::VARCHAR", name=ident(name)), name) if name in twins else ident(name) for name in _kept_columns(resource)
    ]
    columns += [ident(name) for name in (*_OWN, "_failed", "_undefined")]
    return compose("CREATE OR REPLACE TEMP VIEW stage AS SELECT {columns} FROM scanned", columns=commas(columns))


_OWN = ("_row", "_source", "_line", "_op")


def _kept_columns(resource: Resource) -> list[str]:
    return [name for field in resource.fields for name in (*clean.value_columns(field), clean.source_column(field))]


def _joined(landed: Landed, direct: Sequence[Field], fields: Sequence[Field], packed: Mapping[str, list[str]], context: Context) -> Sql:
    """Source columns of the direct fields, cleaned columns and findings of the few-valued ones."""
    columns = [named(landed.source(field), field.name + "__raw") for field in direct]
    for number, field in enumerate(fields):
        columns += few.columns(number, field, packed[field.name])
    joins = [few.join(number, landed.source(field), _raw(field)) for number, field in enumerate(fields)]
    columns += _origin(landed, context.resource)
    return compose("SELECT {columns} FROM {landed} {joins}", columns=commas(columns), landed=landed.table, joins=joined(" ", joins))


def _every(landed: Landed, resource: Resource) -> Sql:
    """Source columns of all fields and what belongs to the row, for rules tried alone."""
    columns = [named(landed.source(field), field.name + "__raw") for field in resource.fields]
    return compose("SELECT {columns} FROM {landed}", columns=commas([*columns, *_origin(landed, resource)]), landed=landed.table)


def _origin(landed: Landed, resource: Resource) -> list[Sql]:
    operation = resource.delivery.operation_field
    given = ident(operation) if operation and operation in landed.columns else NULL
    first_letter = compose(_FIRST_LETTER, given=given)
    return [trusted('"_raw"'), named(trusted("file_row_number"), "_row"), ident("_source"), ident("_line"), named(first_letter, "_op")]


_FIRST_LETTER = """CASE {given} WHEN 'I' THEN 'I' WHEN 'U' THEN 'U' WHEN 'D' THEN 'D'
    ELSE coalesce(substr(tidy_code({given}::VARCHAR), 1, 1), 'U') END"""


def _raw(field: Field) -> Sql:
    return ident(field.name + "__raw")


def _layered(rows: Sql, fields: Sequence[Field]) -> Sql:
    """The cleaning layers over source columns `<field>__raw`."""
    layers = (
        lambda field: clean.look(field, _raw(field)),
        lambda field: clean.tidy(field, _raw(field)),
        clean.parts,
        clean.values,
        lambda field: {**clean.kept_source(field, _raw(field)), **shape_columns(field)},
    )
    for layer in layers:
        added = {name: expression for field in fields for name, expression in layer(field).items()}
        rows = _with_columns(rows, added)
    return rows


def _with_columns(rows: Sql, added: Mapping[str, Sql]) -> Sql:
    if not added:
        return rows
    columns = commas(named(expression, name) for name, expression in added.items())
    return compose("SELECT *, {columns} FROM ({rows})", columns=columns, rows=rows)


def _verdict(rule: Rule) -> str:
    return "rule:" + rule.id


def _judged(rows: Sql, rules: Sequence[Rule], context: Context) -> Sql:
    return _with_columns(rows, {_verdict(rule): compile_rule(rule, context) for rule in rules})


def _failed(rules: Iterable[Rule], book: Rulebook) -> Sql:
    """Sum of the bits of failed rules."""
    return _bits("CASE WHEN NOT {verdict} THEN {bit} ELSE 0 END", rules, book)


def _undefined(rules: Iterable[Rule], book: Rulebook) -> Sql:
    return _bits("CASE WHEN {verdict} IS NULL THEN {bit} ELSE 0 END", rules, book)


def _bits(template: LiteralString, rules: Iterable[Rule], book: Rulebook) -> Sql:
    terms = [compose(template, verdict=ident(_verdict(rule)), bit=literal(book.bits[rule.id])) for rule in rules]
    return compose("({sum})::BIGINT", sum=joined(" + ", terms or [literal(0)]))


def _applicable(failed: Sql, undefined: Sql, book: Rulebook) -> list[Sql]:
    """`_failed` and `_undefined` of a row: a malformed one has only a form, a deleting one only key and operation."""
    places = {
        "failed": failed, "undefined": undefined, "form": literal(book.form), "but_form": literal(book.everything & ~book.form),
        "deletion": literal(book.of_deletions), "but_deletion": literal(book.everything & ~book.of_deletions),
    }  # fmt: skip
    template = 'CASE WHEN "_raw" IS NOT NULL THEN {form} WHEN "_op" = \'D\' THEN ({failed}) & {deletion} ELSE {failed} END'
    silent = 'CASE WHEN "_raw" IS NOT NULL THEN {but_form} WHEN "_op" = \'D\' THEN ({undefined}) | {but_deletion} ELSE {undefined} END'
    return [named(compose(template, **places), "_failed"), named(compose(silent, **places), "_undefined")]


def keys(landed: Landed, resource: Resource) -> Sql:
    """(row's place in the file, its cleaned key)."""
    fields = [resource.field(name) for name in resource.key]
    columns = [named(landed.source(field), field.name + "__raw") for field in fields]
    rows = compose("SELECT {columns}, file_row_number FROM {landed}", columns=commas(columns), landed=landed.table)
    return compose("SELECT file_row_number, {key} FROM ({rows})", key=key_of(resource), rows=_layered(rows, fields))


def cleaned(landed: Landed, resource: Resource) -> Sql:
    """Every row with its cleaned columns and `_row`, judged by nobody: for a handful of rows, no field is looked up once a value."""
    return _layered(_every(landed, resource), resource.fields)


def counted(landed: Landed, field: Field) -> Sql:
    """One field's cleaned values with the number of rows of each spelling."""
    spellings = compose(
        "SELECT {x} AS {raw}, count(*) AS rows FROM {landed} GROUP BY ALL", x=landed.source(field), raw=_raw(field), landed=landed.table
    )
    return _layered(spellings, [field])
