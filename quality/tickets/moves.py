"""Which rows of tickets a published batch moves, and where to. One query for all tickets of a resource, whatever their number."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.publications import Publication
from quality.session import fill
from quality.sql import compose, literal, literals
from quality.store.tables import batch
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


def states(reading: sa.Connection, names: Sequence[str]) -> dict[str, list[tuple[int, RowState]]]:
    """Ticket → its rows with their state."""
    found: dict[str, list[tuple[int, RowState]]] = defaultdict(list)
    columns = (ticket_row.c.ticket, ticket_row.c.row, ticket_row.c.state)
    for some in _pieces(names):
        for name, row, state in reading.execute(sa.select(*columns).where(ticket_row.c.ticket.in_(some))):
            found[name].append((row, RowState(state)))
    return found


def of_rows(
    connection: duckdb.DuckDBPyConnection,
    database: sa.Engine,
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    found: Sequence[sa.Row],
) -> list[Move]:
    """Moves of rows that failed a rule. Needs `failing` of the batch."""
    if not _lay(connection, database, lake, found):
        return []
    _lay_keyed(connection, database, lake, catalog, published, found)
    fill(connection, _CASES, [(one.ticket, one.rule, one.body) for one in found], 3)
    head = compose(_HEAD, path=literal(lake.named(lake / published.rows_path)), batch=literal(published.batch))
    connection.execute(head.text).fetchall()
    places = {"removed": literal(failing.REMOVED), "delivered": literal(not published.pushed)}
    rows = connection.execute(compose(_MOVED, **places).text).fetchall()
    return [Move(name, row, RowState.OPEN if fails else RowState.CORRECTED) for name, row, fails in rows]


def of_doubts(
    connection: duckdb.DuckDBPyConnection,
    database: sa.Engine,
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    found: Sequence[sa.Row],
) -> list[Move]:
    """Moves of rows somebody doubted: corrected once a doubted field reads otherwise, open again when all read as before."""
    if not _lay(connection, database, lake, found):
        return []
    with database.connect() as reading:
        fields = doubted(reading, catalog, published.resource, [one.ticket for one in found])
    resource = catalog.resources[published.resource]
    path, own = literal(lake.named(lake / published.rows_path)), literal(published.batch)
    query = compose(_DELIVERED, values=failing.source_values(resource), path=path, batch=own)
    moved = []
    for name, row, state, before, now in connection.execute(query.text).fetchall():
        was, reads = json.loads(before), json.loads(now)
        changed = any(was.get(header) != reads.get(header) for header in fields[name])
        if changed == (state == RowState.OPEN):
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


def _lay(connection: duckdb.DuckDBPyConnection, database: sa.Engine, lake: Lake, found: Sequence[sa.Row]) -> bool:
    """Temp tables `states(ticket, row, state)` and view `lines`: the rows of these tickets' files. False where they have none."""
    names, parts = [one.ticket for one in found], []
    with database.connect() as reading:
        for some in _pieces(names):
            parts += reading.execute(sa.select(ticket_part.c.ticket, ticket_part.c.path).where(ticket_part.c.ticket.in_(some))).all()
        known = states(reading, names)
    if not parts:
        return False
    fill(connection, _PARTS, [(name, lake.named(lake / path)) for name, path in parts], 2)
    fill(connection, _STATES, [(name, row, state) for name, rows in known.items() for row, state in rows], 3)
    connection.execute(compose(_ROWS, paths=literals(lake.named(lake / path) for _, path in parts)).text).fetchall()
    return True


def _lay_keyed(
    connection: duckdb.DuckDBPyConnection,
    database: sa.Engine,
    lake: Lake,
    catalog: Catalog,
    published: Publication,
    found: Sequence[sa.Row],
) -> None:
    """Temp tables `keyed(ticket, row)`: rows whose key itself is wrong, which a whole delivery corrects by not having them any more, and
    `refused(place)`: keys it does have, rejected."""
    resource = catalog.resources[published.resource]
    of_key = {one.id for one in catalog.rules.get(resource.id, ()) if one.fields and set(one.fields) <= set(resource.key)}
    whole = resource.delivery.mode != "increment" and not published.pushed
    names, rows = [one.ticket for one in found if whole and one.rule in of_key], []
    with database.connect() as reading:
        report = reading.scalar(sa.select(batch.c.report).where(batch.c.batch == published.batch))
        same = sa.select(ticket_row.c.ticket, ticket_row.c.row).join(batch, batch.c.batch == ticket_row.c.batch)
        for some in _pieces(names):
            rows += reading.execute(same.where(ticket_row.c.ticket.in_(some), batch.c.partition == published.partition)).all()
    fill(connection, _KEYED, [tuple(row) for row in rows], 2)
    connection.execute(compose(_REFUSED, path=literal(lake.named(lake / report["quarantine"]))).text).fetchall()


def _pieces(names: Sequence[str]) -> Iterator[Iterable[str]]:
    return (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))


_PARTS = "CREATE OR REPLACE TEMP TABLE parts AS SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::VARCHAR[]) AS filename"
_STATES = """CREATE OR REPLACE TEMP TABLE states AS
    SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::BIGINT[]) AS "row", unnest($3::VARCHAR[]) AS state"""
_CASES = """CREATE OR REPLACE TEMP TABLE cases AS
    SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::VARCHAR[]) AS rule, unnest($3::VARCHAR[]) AS body"""
_ROWS = """CREATE OR REPLACE TEMP VIEW lines AS
    SELECT parts.ticket, said."row", said.place, said."values"
    FROM read_parquet([{paths}], filename = true) AS said JOIN parts USING (filename)"""
_HEAD = "CREATE OR REPLACE TEMP VIEW head AS SELECT _key AS place, _batch = {batch} AS fresh FROM read_parquet({path})"

_KEYED = 'CREATE OR REPLACE TEMP TABLE keyed AS SELECT unnest($1::VARCHAR[]) AS ticket, unnest($2::BIGINT[]) AS "row"'
_REFUSED = "CREATE OR REPLACE TEMP VIEW refused AS SELECT DISTINCT key AS place FROM read_parquet({path}) WHERE key IS NOT NULL"

# A keyless row's place begins with chr(30): it is well once no keyless row of its rule and body fails any more.
_MOVED = """WITH anew AS (SELECT DISTINCT rule, place FROM failing),
         keyless AS (SELECT DISTINCT rule, body FROM failing WHERE place[1] = chr(30)),
         asked AS (
            SELECT cases.ticket, lines."row", lines.place, cases.rule, states.state, anew.place IS NOT NULL AS fails,
                   CASE WHEN lines.place[1] = chr(30) THEN {delivered} AND keyless.rule IS NULL
                        WHEN cases.rule = {removed} THEN head.place IS NOT NULL
                        WHEN keyed.ticket IS NOT NULL AND head.place IS NULL THEN refused.place IS NULL
                        ELSE coalesce(head.fresh, FALSE) END AS well
            FROM lines JOIN cases USING (ticket) JOIN states USING (ticket, "row")
            LEFT JOIN anew ON anew.rule = cases.rule AND anew.place = lines.place
            LEFT JOIN keyless ON keyless.rule = cases.rule AND keyless.body = cases.body
            LEFT JOIN keyed ON keyed.ticket = cases.ticket AND keyed."row" = lines."row"
            LEFT JOIN refused ON refused.place = lines.place
            LEFT JOIN head ON head.place = lines.place)
    SELECT ticket, "row", fails FROM asked
    WHERE CASE WHEN state = 'open' THEN well AND NOT fails ELSE fails END ORDER BY 1, 2"""

_DELIVERED = """WITH mine AS (SELECT lines.ticket, lines."row", lines.place, states.state, lines."values"
                      FROM lines JOIN states USING (ticket, "row"))
    SELECT mine.ticket, mine."row", mine.state, mine."values", head."values"
    FROM mine JOIN (SELECT _key AS place, {values} AS "values" FROM read_parquet({path})
                    WHERE _batch = {batch} AND _key IN (SELECT place FROM mine)) AS head USING (place)
    ORDER BY 1, 2"""
