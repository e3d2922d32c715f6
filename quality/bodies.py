"""Which responsible bodies there are, and the provincial department their rows roll up to. Names are `responsible.title`.

By the organs' hierarchy (`rolled_up`): an organ belongs to its province's organ of the same kind, which is the department of that name
where the catalogue has one; any other body of the province to the provider of the resource its rows are in; a stranger to itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from catalogs.model import Catalog, Department
from quality.responsible import title
from quality.store import tables
from quality.store.tables_tickets import ticket


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
    """Codes of every body there is something about: departments, bodies with scores, bodies with tickets."""
    found = {one.credit_code for one in catalog.departments.values()}
    for column in (tables.score.c.body, ticket.c.body, ticket.c.handler):
        found |= set(connection.scalars(sa.select(column).distinct()))
    return found


@dataclass(frozen=True)
class Superior:
    """Whom a body counts for."""

    code: str
    name: str


def rolled_up(catalog: Catalog, bodies: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Superior]:
    """(body, resource) → the provincial department it counts for. Source: standards.md §2.2."""
    return {one: _superior(catalog, *one) for one in set(bodies)}


def _superior(catalog: Catalog, code: str, resource: str) -> Superior:
    by_code = {one.credit_code: one for one in catalog.departments.values()}
    if code in by_code:
        return Superior(code, by_code[code].name)
    above = _provincial(catalog, code)
    if above is not None:
        named = (one for one in by_code.values() if one.division == above[0][2:8] and above[1].startswith(one.name))
        return next((Superior(one.credit_code, one.name) for one in named), Superior(*above))
    provider = department(catalog, resource)
    if code[2:4] == provider.division[:2]:
        return Superior(provider.credit_code, provider.name)
    return Superior(code, title(catalog, code))


def _provincial(catalog: Catalog, code: str) -> tuple[str, str] | None:
    """The province's organ of the same kind; None for a code that is no organ of the catalogue."""
    kind, division = code[10:11], code[2:8]
    if catalog.organs.get(kind + division, ("",))[0] != code:
        return None
    return catalog.organs.get(f"{kind}{division[:2]}0000") or catalog.organs[kind + division]
