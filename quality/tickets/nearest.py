"""The known value nearest to a failing one: of a code table, of the organs, of the registry a rule refers to. By Jaro–Winkler in DuckDB.

Of a registry only rows are compared that share the first or the last half of the code, or the name beside it: a page of tickets must
not look at every person of a province.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from catalogs.model import Catalog, Field, Resource, Rule
from quality.session import fill
from quality.sql import Sql, compose, ident, literal, literals
from quality.tickets.mend import Candidate

LIKE_A_CODE = 0.7
LIKE_A_NAME = 0.85
LIKE_A_NUMBER = 0.9
MOST = 3
"""Candidates a row."""
NAME_OF = {"uscc": "org_name", "citizen_id": "person_name"}
"""Field type of a number → of the name that goes with it."""

Asked = Sequence[tuple[int, str | None, str | None]]
"""(row, failing value, name beside it)."""


@dataclass(frozen=True)
class Found:
    row: int
    candidate: Candidate


def codes(connection: duckdb.DuckDBPyConnection, catalog: Catalog, rule: Rule, asked: Asked) -> list[Found]:
    """The code whose label or usual spelling is nearest; the label is suggested, the source may write either."""
    table = catalog.codes[str(rule.params["table"])]
    spelled = {**table.aliases, **{label: code for code, label in table.labels.items()}}
    fill(connection, _KNOWN, [(spelling, code) for spelling, code in spelled.items()], 2)
    fill(connection, _ASKED, list(asked), 3)
    rows = connection.execute(_NEAREST, [LIKE_A_CODE, MOST]).fetchall()
    return [
        Found(
            row,
            Candidate(rule.fields[0], table.labels[code], "code_table", f"代码表《{table.title}》中最接近的是 {code} {table.labels[code]}"),
        )
        for row, _, code, _ in rows
    ]


_KNOWN = "CREATE OR REPLACE TEMP TABLE known AS SELECT unnest($1::VARCHAR[]) AS name, unnest($2::VARCHAR[]) AS code"
_ASKED = """CREATE OR REPLACE TEMP TABLE asked AS
    SELECT unnest($1::BIGINT[]) AS "row", unnest($2::VARCHAR[]) AS value, unnest($3::VARCHAR[]) AS name"""

_NEAREST = """SELECT "row", arg_max(name, like_it), code, max(like_it) AS best
    FROM (SELECT asked."row", known.name, known.code, jaro_winkler_similarity(asked.value, known.name) AS like_it
          FROM asked, known WHERE asked.value IS NOT NULL)
    WHERE like_it >= $1 GROUP BY "row", code
    QUALIFY row_number() OVER (PARTITION BY "row" ORDER BY best DESC, code) <= $2 ORDER BY "row", best DESC, code"""


def organs(connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, field: Field, asked: Asked) -> list[Found]:
    """The organ of the resource's coverage whose name is nearest to the one the row has; its code is suggested."""
    fill(connection, _KNOWN, sorted(_organs(catalog, resource)), 2)
    # Here the name is what is looked for.
    fill(connection, _ASKED, [(row, name, name) for row, _, name in asked], 3)
    rows = connection.execute(_NEAREST, [LIKE_A_NAME, MOST]).fetchall()
    return [Found(row, Candidate(field.name, code, "nearest", f"名称最接近的已知机关是“{name}”")) for row, name, code, _ in rows]


def _organs(catalog: Catalog, resource: Resource) -> Iterable[tuple[str, str]]:
    within = tuple(resource.coverage.divisions)
    yield from ((one.name, one.credit_code) for one in catalog.departments.values())
    places = (key for key in catalog.organs if key[1:].startswith(within))
    yield from ((name, code) for code, name in map(catalog.organs.__getitem__, places))


def registry(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, resource: Resource, rule: Rule, paths: dict[str, list[str]], asked: Asked
) -> list[Found]:
    """`rule` is a `reference`. Of the resources it names: the number nearest to the row's, or that of the same name."""
    field, known = resource.field(rule.fields[0]), str(rule.params["field"])
    fill(connection, _ASKED, list(asked), 3)
    found: list[Found] = []
    for name in rule.params["resources"]:
        if not paths.get(name):
            continue
        beside = name_beside(catalog.resources[name], NAME_OF.get(field.type))
        places = {"known": ident(known), "paths": literals(paths[name]), "name": ident(beside.name) if beside else Sql("NULL::VARCHAR")}
        rows = connection.execute(compose(_REGISTRY, **places, like=literal(LIKE_A_NUMBER), most=literal(MOST)).text).fetchall()
        title = catalog.resources[name].title or name
        found += [Found(row, Candidate(field.name, code, "nearest", _why(title, same, label))) for row, code, label, same in rows]
    return found


def registered(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, rule: Rule, paths: dict[str, list[str]], asked: Asked
) -> list[Found]:
    """`rule` is an `agrees`. What the resources it names say under the row's number; the one most like the row's own first."""
    fill(connection, _ASKED, list(asked), 3)
    found: list[Found] = []
    for name in rule.params["resources"]:
        if not paths.get(name):
            continue
        places = {"by": ident(str(rule.params["by"])), "said": ident(str(rule.params["field"])), "paths": literals(paths[name])}
        title = catalog.resources[name].title or name
        for row, said in connection.execute(compose(_REGISTERED, **places, most=literal(MOST)).text).fetchall():
            found.append(Found(row, Candidate(rule.fields[1], said, "registry", f"{title}中该号码登记的是“{said}”")))
    return found


_REGISTERED = """SELECT "row", said
    FROM (SELECT DISTINCT asked."row", known.said, coalesce(jaro_winkler_similarity(asked.name, known.said), 0) AS like_it
          FROM asked JOIN (SELECT {by} AS value, {said}::VARCHAR AS said FROM read_parquet([{paths}], union_by_name = true)) AS known
          USING (value) WHERE known.said IS NOT NULL AND known.said IS DISTINCT FROM asked.name)
    QUALIFY row_number() OVER (PARTITION BY "row" ORDER BY like_it DESC, said) <= {most} ORDER BY "row", like_it DESC, said"""


def _why(title: str, same: bool, label: str | None) -> str:
    return f"{title}中名称相同的一条" if same else f"{title}中号码最接近的一条" + (f"，名称“{label}”" if label else "")


_REGISTRY = """WITH registered AS (
            SELECT {known} AS code, {name} AS label FROM read_parquet([{paths}], union_by_name = true) WHERE length({known}) >= 15),
         near AS (
            SELECT asked."row", code, label, FALSE AS same FROM asked JOIN registered ON substr(asked.value, 1, 9) = substr(code, 1, 9)
            UNION SELECT asked."row", code, label, FALSE FROM asked JOIN registered ON substr(asked.value, 10) = substr(code, 10)
            UNION SELECT asked."row", code, label, TRUE FROM asked JOIN registered ON asked.name = label)
    SELECT "row", code, any_value(label), bool_or(same)
    FROM (SELECT near.*, coalesce(jaro_winkler_similarity(asked.value, near.code), 0) AS like_it FROM near JOIN asked USING ("row"))
    WHERE same OR like_it >= {like}
    GROUP BY "row", code
    QUALIFY row_number() OVER (PARTITION BY "row" ORDER BY bool_or(same) DESC, max(like_it) DESC, code) <= {most}
    ORDER BY "row", bool_or(same) DESC, max(like_it) DESC, code"""


def name_beside(resource: Resource, kind: str | None) -> Field | None:
    """The first field of that type: the name of whom the row is about."""
    return next((one for one in resource.fields if one.type == kind), None)
