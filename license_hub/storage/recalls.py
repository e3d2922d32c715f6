"""Recalls as set operations: from publications to versions, from versions to the answers given about them. No row passes through Python
but where keys or identifiers are given one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from license_hub.storage.engine import is_postgres
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.tables import audit, client, license, status, version
from license_hub.storage.tables_recall import item, notice, use

_LOCK = 0x6D7A74_07
"""Advisory lock number of recalls on PostgreSQL: two of the same find the same answers once."""
ANSWERS = ("verify", "verify_as_of", "read", "export")
"""Actions of the audit log that tell a caller something of a license."""


def lock_recalls(connection: sa.Connection) -> None:
    """Waits for other recalls, until the transaction ends. SQLite's writers do that anyhow."""
    if is_postgres(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def add_published(
    connection: sa.Connection, recall_id: str, published: Mapping[str, Collection[int]], narrow: Collection[sa.ColumnElement[bool]]
) -> None:
    """Versions, and versions whose status acts, came from those publications (resource → numbers)."""
    places = [sa.and_(license.c.resource == name, version.c.publication.in_(sorted(numbers))) for name, numbers in published.items()]
    acts = [sa.and_(license.c.resource == name, status.c.publication.in_(sorted(numbers))) for name, numbers in published.items()]
    of_versions = _versions().where(sa.or_(sa.false(), *places), *narrow)
    of_acts = (
        sa.select(version.c.entry, status.c.recorded_at)
        .join_from(status, version, version.c.entry == status.c.of_entry)
        .join(license, license.c.license_id == version.c.license_id)
        .where(sa.or_(sa.false(), *acts), *narrow)
    )
    _add(connection, recall_id, sa.union_all(of_versions, of_acts))


def add_keys(
    connection: sa.Connection, recall_id: str, resource: str, number: int, keys: Iterable[bytes], narrow: Collection[sa.ColumnElement[bool]]
) -> None:
    """Versions that one publication made of those rows (blind indexes of their keys)."""
    for part in chunks(keys, CHUNK):
        where = (license.c.resource == resource, version.c.publication == number, license.c.key_bi.in_(part), *narrow)
        _add(connection, recall_id, _versions().where(*where))


def add_issued_by(connection: sa.Connection, recall_id: str, organ: str, narrow: Collection[sa.ColumnElement[bool]]) -> None:
    """Every version of licenses that the organ issues."""
    _add(connection, recall_id, _versions().where(license.c.issuer_code == organ, *narrow))


def add_uses(connection: sa.Connection, recall_id: str) -> None:
    """Answers about the recalled versions that are not noted yet."""
    found = (
        sa.select(sa.literal(recall_id), audit.c.actor, audit.c.seq, audit.c.entry)
        .join_from(item, audit, audit.c.entry == item.c.entry)
        .where(item.c.recall_id == recall_id, audit.c.action.in_(ANSWERS), audit.c.at >= item.c.since)
    )
    _insert_new(connection, use, found)


def totals(connection: sa.Connection, recall_id: str) -> sa.Row:
    """versions, licenses, answers."""
    items = (
        sa.select(sa.func.count().label("versions"), sa.func.count(version.c.license_id.distinct()).label("licenses"))
        .join_from(item, version, version.c.entry == item.c.entry)
        .where(item.c.recall_id == recall_id)
        .subquery()
    )
    answers = sa.select(sa.func.count()).select_from(use).where(use.c.recall_id == recall_id).scalar_subquery()
    return connection.execute(sa.select(items, answers.label("answers"))).one()


def relying(connection: sa.Connection, recall_id: str) -> list[sa.Row]:
    """actor, answers, licenses, first_at, last_at, registered (a client), notified; by actor."""
    grouped = (
        sa.select(
            use.c.actor,
            sa.func.count().label("answers"),
            sa.func.count(version.c.license_id.distinct()).label("licenses"),
            sa.func.min(audit.c.at).label("first_at"),
            sa.func.max(audit.c.at).label("last_at"),
        )
        .join_from(use, audit, audit.c.seq == use.c.seq)
        .join(version, version.c.entry == use.c.entry)
        .where(use.c.recall_id == recall_id)
        .group_by(use.c.actor)
        .subquery()
    )
    known = sa.exists().where(client.c.client_id == grouped.c.actor)
    told = sa.exists().where(notice.c.recall_id == recall_id, notice.c.client_id == grouped.c.actor)
    return list(connection.execute(sa.select(grouped, known.label("registered"), told.label("notified")).order_by(grouped.c.actor)))


def _versions() -> sa.Select:
    return sa.select(version.c.entry, version.c.recorded_at).join_from(version, license, license.c.license_id == version.c.license_id)


def _add(connection: sa.Connection, recall_id: str, found: sa.Select | sa.CompoundSelect) -> None:
    rows = found.subquery()
    entry, since = rows.c
    # SQLite takes the conflict's clause for the join's without a WHERE before it.
    _insert_new(connection, item, sa.select(sa.literal(recall_id), entry, sa.func.min(since)).where(sa.true()).group_by(entry))


def _insert_new(connection: sa.Connection, table: sa.Table, found: sa.Select) -> None:
    """The rows that are not there yet; the primary key knows. An anti-join with a table that is empty by its statistics is planned as a
    scan of it for each row: of all that the statement itself has written by then.
    """
    insert = (postgresql if is_postgres(connection) else sqlite).insert(table)
    connection.execute(insert.from_select([column.name for column in table.columns], found).on_conflict_do_nothing())
