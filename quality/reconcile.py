"""What a delivery says otherwise than the rows that were pushed before it was cut: findings, one a pushed row.

- The delivery counts: it is the source's word, and its rows become the head. What was pushed is not taken back by hand.
- differs: the same key with other content (names of the fields, never values; the order field and the watermark do not count)
- missing: a whole delivery without the key; rejected: the key's row is in quarantine; deleted: the delivery deletes it
- Rows pushed after the delivery was cut are no business of it (`publish.compare`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import sqlalchemy as sa

from catalogs.model import Resource
from quality import publications
from quality.duplicates import content_columns, key_of
from quality.publications import Publication
from quality.sql import Sql, commas, compose, ident, literal, literals
from quality.store.tables import publication, reconciliation

PUSHED_ORIGIN = "push:"
"""How the origin of a pushed row begins; the database then says which batch really was one."""


@dataclass(frozen=True)
class Finding:
    pushed: str
    kind: str
    origin: str | None
    fields: tuple[str, ...]


def pushed_since(database: sa.Engine, resource_id: str, partition: str, as_of: datetime) -> list[str]:
    """Batches of rows pushed after a delivery was cut."""
    where = (publication.c.resource == resource_id) & (publication.c.partition == partition) & publication.c.pushed.is_(True)
    with database.connect() as connection:
        return list(connection.scalars(sa.select(publication.c.batch).where(where, publication.c.as_of > as_of)))


def usual_size(database: sa.Engine, head: Publication | None) -> int | None:
    """Rows of the partition's last delivery; a pushed row is none."""
    if head is None or not head.pushed:
        return head.counts["read"] if head else None
    with database.connect() as connection:
        delivered = publications.deliveries(connection, head.resource)
    return next((one.counts["read"] for one in delivered if one.partition == head.partition), None)


def against(
    connection: duckdb.DuckDBPyConnection, database: sa.Engine, resource: Resource, head: Sql | None, newer: Sequence[str], *, whole: bool
) -> list[Finding]:
    """What a delivery says otherwise than the rows pushed before it. `head` None: there is nothing it could differ from."""
    if head is None:
        return []
    older = [one for one in pushed_in_head(connection, database, head) if one not in newer]
    return compare(connection, resource, head, older, whole=whole)


def pushed_in_head(connection: duckdb.DuckDBPyConnection, database: sa.Engine, head: Sql) -> list[str]:
    """Batches of pushed rows that still are the head's word on their key."""
    query = compose(
        "SELECT DISTINCT _batch FROM ({head}) WHERE starts_with(_origin, {mark}) ORDER BY 1", head=head, mark=literal(PUSHED_ORIGIN)
    )
    named = [batch for (batch,) in connection.execute(query.text).fetchall()]
    if not named:
        return []
    with database.connect() as rows:
        known = set(rows.scalars(sa.select(publication.c.batch).where(publication.c.batch.in_(named), publication.c.pushed.is_(True))))
    return [batch for batch in named if batch in known]


def compare(connection: duckdb.DuckDBPyConnection, resource: Resource, head: Sql, pushed: Sequence[str], *, whole: bool) -> list[Finding]:
    """Needs `judged` and `left_over`."""
    if not pushed:
        return []
    ignored = {resource.order_by, resource.watermark}
    columns = [name for name in content_columns(resource) if name not in ignored]
    differing = commas(
        compose("CASE WHEN fresh.{f} IS DISTINCT FROM past.{f} THEN {name} END", f=ident(name), name=literal(name)) for name in columns
    )
    places = {"head": head, "key": key_of(resource), "pushed": literals(pushed), "differing": differing, "whole": literal(whole)}
    found = connection.execute(compose(_COMPARED, **places).text).fetchall()
    return [Finding(batch, kind, origin, tuple(fields or ())) for batch, kind, origin, fields in found]


_COMPARED = """SELECT batch, kind, origin, fields FROM (
    SELECT past._batch AS batch, fresh._source || ':' || fresh._line AS origin,
           CASE WHEN fresh._own_key IS NOT NULL THEN [one FOR one IN [{differing}] IF one IS NOT NULL] END AS fields,
           CASE WHEN fresh._own_key IS NOT NULL THEN CASE WHEN len(fields) > 0 THEN 'differs' END
                WHEN left_over.deleted THEN 'deleted'
                WHEN left_over._key IS NOT NULL THEN 'rejected'
                WHEN {whole} THEN 'missing' END AS kind
    FROM (SELECT * FROM ({head}) WHERE _batch IN ({pushed})) AS past
    LEFT JOIN (SELECT *, ({key}) AS _own_key FROM judged WHERE fate = 'trusted') AS fresh ON fresh._own_key = past._key
    LEFT JOIN left_over ON left_over._key = past._key)
WHERE kind IS NOT NULL ORDER BY batch"""


def file(connection: sa.Connection, batch: str, resource_id: str, findings: Sequence[Finding], now: datetime) -> None:
    """Within the transaction that publishes the delivery."""
    connection.execute(sa.delete(reconciliation).where(reconciliation.c.batch == batch))
    rows = [
        {"batch": batch, "pushed": one.pushed, "kind": one.kind, "origin": one.origin, "fields": list(one.fields),
         "resource": resource_id, "found_at": now}
        for one in findings
    ]  # fmt: skip
    if rows:
        connection.execute(sa.insert(reconciliation), rows)


def findings(connection: sa.Connection, resource_id: str | None = None, batch: str | None = None) -> list[sa.Row]:
    """Filed findings, newest first."""
    query = sa.select(reconciliation).order_by(reconciliation.c.found_at.desc(), reconciliation.c.batch, reconciliation.c.pushed)
    if resource_id:
        query = query.where(reconciliation.c.resource == resource_id)
    if batch:
        query = query.where(reconciliation.c.batch == batch)
    return list(connection.execute(query))
