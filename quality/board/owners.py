"""Which body a page is about, for `own:` in the access policy: staff of a body open pages of their own body alone."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from quality.store.tables_tickets import ticket

MOST_DIGITS = 18


def owner(database: sa.Engine, kind: str, parameters: Mapping[str, object]) -> str | None:
    """Credit code of the body that has the ticket {number}, or that the page {code} is about; None if there is none.

    Raises KeyError for another kind.
    """
    return {"ticket": _of_ticket, "body": _named}[kind](database, parameters)


def _of_ticket(database: sa.Engine, parameters: Mapping[str, object]) -> str | None:
    text = str(parameters["number"])
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        return None
    with database.connect() as connection:
        return connection.execute(sa.select(ticket.c.handler).where(ticket.c.number == int(text))).scalar()


def _named(_database: sa.Engine, parameters: Mapping[str, object]) -> str | None:
    return str(parameters["code"])
