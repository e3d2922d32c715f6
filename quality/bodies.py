"""Which responsible bodies there are, and the provincial department their rows roll up to: the provider of their resource.

Names are `responsible.title`.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from catalogs.model import Catalog, Department
from quality.responsible import title
from quality.store import tables
from quality.store.tables_tickets import ticket
from quality.totals import PUBLISHED, STOPPED, standing_at


def names(catalog: Catalog, codes: Iterable[str]) -> dict[str, str]:
    """Code → name, by name."""
    return dict(sorted(((code, title(catalog, code)) for code in set(codes)), key=lambda one: (one[1], one[0])))


def department(catalog: Catalog, resource: str) -> Department:
    """Where the bodies of a resource roll up to: its provider."""
    return catalog.departments[catalog.resources[resource].department]


def provided(catalog: Catalog, code: str) -> list[str]:
    """Resources whose providing department has this code."""
    return [one for one in catalog.resources if department(catalog, one).credit_code == code]


def known(connection: sa.Connection, catalog: Catalog) -> set[str]:
    """Codes of every body there is something about: departments, bodies with rows in what stands now or was stopped last, with tickets."""
    newest = (one for status in (PUBLISHED, STOPPED) for one in standing_at(connection, catalog.resources, statuses=(status,)))
    scored = sa.select(tables.score.c.body).where(tables.score.c.batch.in_([one.batch for one in newest]))
    found = {one.credit_code for one in catalog.departments.values()}
    for query in (scored, sa.select(ticket.c.body), sa.select(ticket.c.handler)):
        found |= set(connection.scalars(query.distinct()))
    return found
