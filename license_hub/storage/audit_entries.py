"""Writes the entries of one leaf of the audit log: on PostgreSQL one statement, so that the log's lock is held for it and the commit alone.

    taken ─ next entry of the log, its row locked ─► the leaf's row
                                               └──► the entries' rows, in their places

An entry comes as the JSON array its digest is over: what is stored is read from the very text that was logged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from license_hub.storage import bulk
from license_hub.storage.engine import is_postgres
from license_hub.storage.leaves import AUDIT, taking_entry
from license_hub.storage.tables import audit
from license_hub.storage.tables_audit_log import audit_leaf

COLUMNS = ("at", "request_id", "actor", "action", "entry", "subject_bi", "status", "code", "purpose", "case_no")
"""Of hub_audit, in the order of an entry's array; `subject_bi` in hex."""


@dataclass(frozen=True)
class Leaf:
    """`entries`: JSON arrays."""

    content: bytes
    hash: bytes
    secret: bytes
    entries: Sequence[str]


def write(connection: sa.Connection, leaf: Leaf, least: int = 0) -> int | None:
    """Its number in the log; None, and nothing is written, where the log has fewer than `least` leaves.

    The log's lock is held until the transaction ends, so this comes last.
    """
    return (_at_once if is_postgres(connection) else _in_turn)(connection, leaf, least)


def _at_once(connection: sa.Connection, leaf: Leaf, least: int) -> int | None:
    given = {"leaf": leaf.content, "leaf_hash": leaf.hash, "secret": leaf.secret, "entries": "[" + ",".join(leaf.entries) + "]"}
    return connection.execute(_WRITE, {**given, "least": least}).scalar()


def _in_turn(connection: sa.Connection, leaf: Leaf, least: int) -> int | None:
    entry = connection.execute(_TAKE, {"least": least}).scalar()
    if entry is None:
        return None
    connection.execute(sa.insert(audit_leaf).values(entry=entry, leaf=leaf.content, leaf_hash=leaf.hash, secret=leaf.secret))
    bulk.insert(connection, audit, [(*_row(text), entry, place) for place, text in enumerate(leaf.entries)])
    return entry


def _row(text: str) -> list:
    row = json.loads(text)
    subject = COLUMNS.index("subject_bi")
    row[subject] = None if row[subject] is None else bytes.fromhex(row[subject])
    return row


def _statement() -> sa.Select:
    taken = _TAKE.cte("taken")
    leaf = (taken.c.entry, *(sa.bindparam(name, type_=audit_leaf.c[name].type) for name in ("leaf", "leaf_hash", "secret")))
    leaves = sa.insert(audit_leaf).from_select(["entry", "leaf", "leaf_hash", "secret"], sa.select(*leaf)).cte("leaves")
    array = sa.func.jsonb_array_elements(sa.cast(sa.bindparam("entries"), JSONB))
    listed = array.table_valued(sa.column("value", JSONB), with_ordinality="place").render_derived("listed")
    values = [_value(listed.c.value, at, name).label(name) for at, name in enumerate(COLUMNS)]
    rows = sa.select(*values, taken.c.entry, listed.c.place - 1).select_from(taken).join(listed, sa.true()).order_by(listed.c.place)
    entries = sa.insert(audit).from_select([*COLUMNS, "log_entry", "place"], rows).cte("entries")
    return sa.select(taken.c.entry).add_cte(leaves, entries)


def _value(array: sa.ColumnElement, at: int, name: str) -> sa.ColumnElement:
    text = array[at].astext
    if name == "subject_bi":
        return sa.func.decode(text, "hex")
    return sa.cast(text, sa.BigInteger) if name == "entry" else text


_TAKE = taking_entry(AUDIT)
_WRITE = _statement()
