"""Content leaves the hub on an open case of the caller alone, on a basis. Asked inside the answering transaction, which holds both.

What a caller may not use is to it as what is not there: only licenses of a party whose type it may use are told from unknown ones (T10).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from license_hub.domain.license import holder_numbers
from license_hub.errors import CaseNotOpen, NotAllowed
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import Basis, Denied, examine
from license_hub.service.content import holder_form
from license_hub.service.hub import Hub
from license_hub.service.sample_data import reaches
from license_hub.service.verify import Match, open_row
from license_hub.storage import cases
from license_hub.storage.cases import Case
from license_hub.storage.lookup import find

UNKNOWN_CASE = "no open case of that number of this client: open one first"


@dataclass(frozen=True)
class Grounds:
    """On what the licenses of one type may be used on a case."""

    case: Case
    bases: Mapping[str, Basis]
    """By the number of a party."""

    def of(self, license_id: int, holders: Iterable[str]) -> Basis | None:
        """For one license of that type, of holders of those numbers; None: it may not be used."""
        numbers = tuple(holders)
        if not reaches(self.case.client_id, numbers=numbers):
            return None
        found = (self.bases.get(holder_form(one)) for one in numbers)
        return next((one for one in found if one and (one.licenses is None or license_id in one.licenses)), None)


def on_case(connection: sa.Connection, hub: Hub, client_id: str, case_no: str) -> Case:
    """The client's open case of that number. Raises CaseNotOpen: closed, another client's, or none; never which."""
    case_id = cases.numbered(connection, client_id, case_no)
    found = cases.read(connection, hub.crypt, [case_id]).get(case_id) if case_id is not None else None
    if found is None or not found.is_open:
        raise CaseNotOpen(UNKNOWN_CASE)
    return found


def grounds(connection: sa.Connection, hub: Hub, client_id: str, case_no: str, type_id: str, operator: str = "") -> Grounds:
    """What there is for the case's parties; `operator`: who asks, without one the case's own. It stays so until the transaction ends.

    Raises CaseNotOpen, and NotAllowed where there is nothing for any of them, whatever licenses there are.
    """
    case = on_case(connection, hub, client_id, case_no)
    asked = {"client_id": client_id, "case_id": case.case_id, "type_id": type_id, "purpose": case.matter}
    numbers = sorted({one.number for one in case.parties.values()})
    said = {one: examine(connection, hub, subject=one, operator=operator or case.operator, **asked) for one in numbers}
    denied = next((one for one in said.values() if one is Denied.CASE_NOT_OPEN), None)
    if denied:
        raise CaseNotOpen(UNKNOWN_CASE)
    bases = {number: one for number, one in said.items() if isinstance(one, Basis)}
    if not bases:
        raise NotAllowed(next(iter(said.values())).value)
    return Grounds(case, bases)


class Looked(NamedTuple):
    """What there is under an identifier, for somebody with an open case."""

    match: Match | None
    holders: tuple[str, ...]
    """Their numbers, as far as the content could be read."""
    may_use: bool
    epoch: int
    """The security epoch its look-up saw."""


def look_up(
    connection: sa.Connection, hub: Hub, principal: Principal, identifier: str, type_id: str, case_no: str, operator: str = ""
) -> Looked:
    """One license of that type, and whether its content may be used on the case. Raises CaseNotOpen, NotAllowed before it looks."""
    may = grounds(connection, hub, principal.client_id, case_no, type_id, operator)
    found = find(connection, [identifier], [])
    hub.security.seen(connection, found.epoch)
    match = open_row(hub, found.rows[0]) if found.rows else None
    if match is None or match.opened is None:
        return Looked(match, (), False, found.epoch)
    holders = tuple(holder_numbers(match.opened.fields))
    return Looked(match, holders, may.of(match.row.license_id, holders) is not None, found.epoch)
