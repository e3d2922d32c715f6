"""Who answers for a row, the 责任单位: its registering organ and division, found as a license's issuer is; else the providing department.

- a field with the organ's credit code, or the registrar of a credit code (positions 1 and 3–8), as the resource says
- a code that is empty or fails its check, or a division nobody knows: the providing department answers, in its own division
- rows are grouped by what they say in SQL; only the distinct sayings are looked up here
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalogs import checkdigits
from catalogs.divisions import full_name
from catalogs.model import Catalog, Resource
from catalogs.organs import issuer
from quality.sql import NULL, Sql, compose, ident

Saying = tuple[str | None, str | None]
"""(organ, division) as a row says them: the values of `said`."""


@dataclass(frozen=True)
class Body:
    """A responsible body: credit code, and the division its rows belong to."""

    code: str
    division: str


def said(resource: Resource) -> tuple[Sql, Sql]:
    """(organ, division) of a row of `judged` as SQL."""
    where = resource.responsible
    organ = NULL
    if where.organ:
        organ = ident(where.organ)
    elif where.registrar_of:
        # Of a good code two positions matter: few distinct values, however many rows.
        organ = compose("CASE WHEN uscc_ok({code}) THEN substr({code}, 1, 1) || substr({code}, 3, 6) END", code=ident(where.registrar_of))
    return organ, ident(where.division) if where.division else NULL


def provider(resource: Resource, catalog: Catalog) -> Body:
    """The providing department. Raises KeyError for one the catalogue does not have."""
    department = catalog.departments[resource.department]
    return Body(department.credit_code, department.division)


def found(resource: Resource, catalog: Catalog, sayings: Iterable[Saying]) -> dict[Saying, Body]:
    """Saying → body."""
    fallback = provider(resource, catalog)
    return {(organ, division): _body(resource, catalog, fallback, organ, division) for organ, division in set(sayings)}


def _body(resource: Resource, catalog: Catalog, fallback: Body, organ: str | None, division: str | None) -> Body:
    code = None
    if organ and resource.responsible.registrar_of:
        code, _ = issuer(catalog, f"{organ[0]}0{organ[1:]}")
    elif organ and checkdigits.uscc(organ):
        code = organ
    if code is None:
        return fallback
    here = next((one for one in (division, code[2:8]) if one in catalog.divisions), fallback.division)
    return Body(code, here)


def title(catalog: Catalog, code: str) -> str:
    """A body's name as people know it: its department or registrar, else the place its code names, else the code."""
    for one in catalog.departments.values():
        if one.credit_code == code:
            return one.name
    registrar = catalog.organs.get(code[10:11] + code[2:8])
    if registrar is not None and registrar[0] == code:
        return registrar[1]
    where = full_name(catalog.divisions, code[2:8])
    return f"{where} {code}" if where else code


def place(catalog: Catalog, division: str) -> str:
    """A division's full name, else its code."""
    return full_name(catalog.divisions, division) or division
