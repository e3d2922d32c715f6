"""Which rows of tickets a published batch moves, and where to. One query for all tickets of a resource, whatever their number."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.publications import Publication, changes_sql
from quality.session import fill
from quality.sql import compose, literal, literals
from quality.store.tables import batch, publication
from quality.store.tables_tickets import correction, ticket_part, ticket_row
from quality.tickets import failing
from quality.tickets.states import RowState

AT_ONCE = 500
"""Names in one IN list."""


@dataclass(frozen=True)
class Move:
    ticket: str
    row: int
    to: RowState
    """CORRECTED, or OPEN again."""


class Standing(NamedTuple):
    """A row a publication may move. `same_partition`: as the batch that moved it last."""

    ticket: str
    row: int
    state: RowState
    same_partition: bool
    refused: bool


def states(reading: sa.Connection, published: Publication, names: Sequence[str]) -> list[Standing]:
    """Rows of these tickets, without those that a newer batch has moved, and those it corrected and a reviewer refused."""
    mine = (batch.c.partition == published.partition, ticket_row.c.refused)
    query = (
        sa.select(ticket_row.c.ticket, ticket_row.c.row, ticket_row.c.state, *mine)
        .join(batch, batch.c.batch == ticket_row.c.batch)
        .outerjoin(publication, publication.c.batch == ticket_row.c.batch)
        .where(_not_newer(published), ~(ticket_row.c.refused & (ticket_row.c.batch == published.batch)))
    )
    rows = (row for some in _pieces(names) for row in reading.execute(query.where(ticket_row.c.ticket.in_(some))))
    return [Standing(name, row, RowState(state), bool(same), refused) for name, row, state, same, refused in rows]


def _not_newer(published: Publication) -> sa.ColumnElement[bool]:
    """By publication, or by when it was checked where the batch was not published."""
    told = sa.select(batch.c.checked_at).where(batch.c.batch == published.batch).scalar_subquery()
    return sa.case((publication.c.seq.is_not(None), publication.c.seq <= published.seq), else_=batch.c.checked_at <= told)


def of_rows(
    connection: duckdb.DuckDBPyConnection,
    database: sa.Engine,
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    found: Sequence[sa.Row],
) -> list[Move]:
    """Moves of rows that failed a rule. Needs `failing` of the batch."""
    if not _lay(connection, database, lake, published, found):
        return []
    _lay_cases(connection, database, lake, catalog, published, found)
    head = compose(_HEAD, path=literal(lake.named(lake / published.rows_path)), batch=literal(published.batch))
    connection.execute(head.text).fetchall()
    places = {"removed": literal(failing.REMOVED), "delivered": literal(not published.pushed)}
    rows = connection.execute(compose(_MOVED, **places).text).fetchall()
    return [Move(name, row, RowState.OPEN if fails else RowState.CORRECTED) for name, row, fails in rows] + _erased(connection)


def of_doubts(
    connection: duckdb.DuckDBPyConnection,
    database: sa.Engine,
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    found: Sequence[sa.Row],
) -> list[Move]:
    """Moves of rows somebody doubted: corrected once a doubted field reads otherwise, open again when all read as before."""
    if not _lay(connection, database, lake, published, found):
        return []
    with database.connect() as reading:
        fields = doubted(reading, catalog, published.resource, [one.ticket for one in found])
    resource = catalog.resources[published.resource]
    path, own = literal(lake.named(lake / published.rows_path)), literal(published.batch)
    query = compose(_DELIVERED, values=failing.source_values(resource), path=path, batch=own)
    moved = _erased(connection)
    for name, row, state, delivered_anew, before, now in connection.execute(query.text).fetchall():
        was, reads = json.loads(before), json.loads(now)
        changed = any(was.get(header) != reads.get(header) for header in fields[name])
        if changed == (state == RowState.OPEN) and (delivered_anew or not changed):
            moved.append(Move(name, row, RowState.CORRECTED if changed else RowState.OPEN))
    return moved


def doubted(reading: sa.Connection, catalog: Catalog, resource_id: str, names: Sequence[str]) -> dict[str, set[str]]:
    """Ticket → headers of the fields that its requests doubt."""
    headers = {one.name: one.source for one in catalog.resources[resource_id].fields}
    found: dict[str, set[str]] = defaultdict(set)
    for some in _pieces(names):
        for name, fields in reading.execute(sa.select(correction.c.ticket, correction.c.fields).where(correction.c.ticket.in_(some))):
            found[name] |= {headers[one] for one in fields if one in headers}
    return found


def _lay(connection: duckdb.DuckDBPyConnection, database: sa.Engine, lake: Lake, published: Publication, found: Sequence[sa.Row]) -> bool:
    """Temp tables `states` (`Standing`), `changed(place)` of the publication's change set, and view `lines`: the rows of these tickets'
    files. False where they have none."""
    names, parts = [one.ticket for one in found], []
    with database.connect() as reading:
        # Before the files: a row that is added meanwhile must not look as if it had been erased.
        known = states(reading, published, names)
        for some in _pieces(names):
            parts += reading.execute(sa.select(ticket_part.c.ticket, ticket_part.c.path).where(ticket_part.c.ticket.in_(some))).all()
    if not parts:
        return False
    fill(connection, _PARTS, [(name, lake.named(lake / path)) for name, path in parts], 2)
    fill(connection, _STATES, known, 5)
    changed = compose(_CHANGED, changes=changes_sql(lake, published), any=literal(any(one.refused for one in known)))
    connection.execute(changed.text).fetchall()
    connection.execute(compose(_ROWS, paths=literals(lake.named(lake / path) for _, path in parts)).text).fetchall()
    return True


def _erased(connection: duckdb.DuckDBPyConnection) -> list[Move]:
    """Open rows whose line was erased: no delivery can correct them any more, so a person looks."""
    return [Move(name, row, RowState.CORRECTED) for name, row in connection.execute(_ERASED).fetchall()]


def _lay_cases(
    connection: duckdb.DuckDBPyConnection,
    database: sa.Engine,
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    found: Sequence[sa.Row],
) -> None:
    """Temp table `cases(ticket, rule, body, keyed)`, `keyed`: its rows' key itself is wrong, which a whole delivery corrects by not having
    them any more; and view `rejected(place)`: keys it does have."""
    resource = catalog.resources[published.resource]
    of_key = {one.id for one in catalog.rules.get(resource.id, ()) if one.fields and set(one.fields) <= set(resource.key)}
    whole = resource.delivery.mode != "increment" and not published.pushed
    with database.connect() as reading:
        report = reading.scalar(sa.select(batch.c.report).where(batch.c.batch == published.batch))
    fill(connection, _CASES, [(one.ticket, one.rule, one.body, whole and one.rule in of_key) for one in found], 4)
    connection.execute(compose(_REJECTED, path=literal(lake.named(lake / report["quarantine"]))).text).fetchall()


def _pieces(names: Sequence[str]) -> Iterator[Iterable[str]]:
    return (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))


_PARTS = "CREATE OR REPLACE TEMP TABLE parts AS SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::VARCHAR[]) AS filename"
_STATES = """CREATE OR REPLACE TEMP TABLE states AS
    SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::BIGINT[]) AS "row", unnest($3::VARCHAR[]) AS state,
           unnest($4::BOOLEAN[]) AS same, unnest($5::BOOLEAN[]) AS refused"""
_CASES = """CREATE OR REPLACE TEMP TABLE cases AS
    SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::VARCHAR[]) AS rule, unnest($3::VARCHAR[]) AS body,
           unnest($4::BOOLEAN[]) AS keyed"""
_ROWS = """CREATE OR REPLACE TEMP VIEW lines AS
    SELECT parts.ticket, said."row", said.place, said."values"
    FROM read_parquet([{paths}], filename = true) AS said JOIN parts USING (filename)"""
_HEAD = "CREATE OR REPLACE TEMP VIEW head AS SELECT _key AS place, _batch = {batch} AS fresh FROM read_parquet({path})"

_CHANGED = """CREATE OR REPLACE TEMP TABLE changed AS
    SELECT _key AS place FROM ({changes}) WHERE {any} AND _op IN ('insert', 'update')"""
_ERASED = """SELECT ticket, "row" FROM states LEFT JOIN lines USING (ticket, "row")
    WHERE states.state = 'open' AND lines.place IS NULL ORDER BY ALL"""
_REJECTED = "CREATE OR REPLACE TEMP VIEW rejected AS SELECT DISTINCT key AS place FROM read_parquet({path}) WHERE key IS NOT NULL"

# A keyless row's place begins with chr(30): it is well once no keyless row of its rule and body fails any more.
_MOVED = """WITH anew AS (SELECT DISTINCT rule, place FROM failing),
         keyless AS (SELECT DISTINCT rule, body FROM failing WHERE place[1] = chr(30)),
         asked AS (
            SELECT cases.ticket, lines."row", lines.place, cases.rule, states.state, anew.place IS NOT NULL AS fails,
                   CASE WHEN lines.place[1] = chr(30) THEN {delivered} AND states.same AND keyless.rule IS NULL
                        WHEN states.refused AND head.place IS NOT NULL AND changed.place IS NULL THEN FALSE
                        WHEN cases.rule = {removed} THEN head.place IS NOT NULL
                        WHEN cases.keyed AND states.same AND head.place IS NULL THEN rejected.place IS NULL
                        ELSE coalesce(head.fresh, FALSE) END AS well
            FROM lines JOIN cases USING (ticket) JOIN states USING (ticket, "row")
            LEFT JOIN anew ON anew.rule = cases.rule AND anew.place = lines.place
            LEFT JOIN keyless ON keyless.rule = cases.rule AND keyless.body = cases.body
            LEFT JOIN changed ON changed.place = lines.place
            LEFT JOIN rejected ON rejected.place = lines.place
            LEFT JOIN head ON head.place = lines.place)
    SELECT ticket, "row", fails FROM asked
    WHERE CASE WHEN state = 'open' THEN well AND NOT fails ELSE fails END ORDER BY 1, 2"""

_DELIVERED = """WITH mine AS (SELECT lines.ticket, lines."row", lines.place, states.state, states.refused, lines."values"
                      FROM lines JOIN states USING (ticket, "row"))
    SELECT mine.ticket, mine."row", mine.state, NOT mine.refused OR changed.place IS NOT NULL, mine."values", head."values"
    FROM mine JOIN (SELECT _key AS place, {values} AS "values" FROM read_parquet({path})
                    WHERE _batch = {batch} AND _key IN (SELECT place FROM mine)) AS head USING (place)
    LEFT JOIN changed USING (place)
    ORDER BY 1, 2"""
