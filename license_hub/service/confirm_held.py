"""The issuing organ's word on the corrections of a ticket: yes issues all of its held rows in one act, no keeps them on hold.

- One transaction: versions, leaves, attestations, what was said, an event of the ticket, an audit entry a version. All or nothing;
  said again it finds nothing left to do.
- Only rows the organ itself would issue; rows that fail again, or whose correction was not accepted in review, on this ticket or on
  another they are on as well, stay on hold. In which order reviewer and organ look at them does not matter.
- A row that meanwhile waits for something else too (its holder) is confirmed all the same and is issued once that is there.
- What was refused may still be confirmed: the source delivers the same value again, or the organ thinks better of it.

Source: issue 4 §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from license_hub.errors import NotAuthorized, NoticeRefused
from license_hub.service import holds
from license_hub.service.behind import refuse_if_behind
from license_hub.service.crew import Crew
from license_hub.service.held_changes import Said
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.service.ledger import Ledger, open_ledger
from license_hub.service.list_audit import Entry, record
from license_hub.service.logs import licenses
from license_hub.service.recipe import recipes
from license_hub.service.versions import make
from license_hub.service.witnessing import collect, require_witnessed
from license_hub.signing.commitment import instant
from license_hub.storage import bulk
from license_hub.storage.engine import writing
from license_hub.storage.leaves import lock_log
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.tables_held import held_act, held_ticket
from quality.corrected import Place, numbers, reopened, tell

ACTION = "held"
MOST_REASON = 500


@dataclass
class Answered:
    """What an organ's word did."""

    rows: int = 0
    """Held rows it was about."""
    issued: int = 0
    """Licenses made of them for the first time."""
    versions: int = 0
    unchanged: int = 0
    """Rows whose license says the same by now."""
    waiting: int = 0
    """Confirmed rows that wait for something else as well."""
    left: int = 0
    """Rows of the organ that are not asked about now: they fail again, or review of a ticket did not accept them."""


@dataclass(frozen=True)
class _Row:
    type_id: str
    resource: str
    key: bytes


def confirm(hub: Hub, ticket: str, organ: str, actor: str, *, request_id: str = "", prove: bool = True) -> Answered:
    """Issues the ticket's held rows that are the organ's to issue. `ticket`: its id; `organ`: credit code; `actor`: who says so for it.

    `prove` False leaves tiles and checkpoint to the server's integrator. Raises NotAuthorized where all that waits is other organs', and
    Unwitnessed.
    """
    require_witnessed(hub)
    with closing(Crew(hub, make)) as crew, open_ledger(hub, crew) as ledger:
        rows, left = _asked_about(ledger.connection, ticket, organ)
        done = Answered(len(rows), left=left)
        entries: list[int] = []
        if rows:
            _say(ledger.connection, rows, Said.CONFIRMED)
            for (type_id, resource), keys in _by_source(rows).items():
                entries += _issue(ledger, type_id, resource, keys, done)
            figures = {"rows": done.rows, "issued": done.issued, "versions": done.versions}
            ledger.closing.append(partial(_note, hub, ledger, ticket, organ, actor, done, figures))
            codes = [(entry, "CONFIRMED") for entry in entries] or [(None, "CONFIRMED")]
            ledger.closing.append(partial(_audit, hub, ledger.connection, ticket, organ, actor, request_id, codes))
    if prove:
        integrate(hub)
        collect(hub, licenses(hub))
    return done


def refuse(hub: Hub, ticket: str, organ: str, actor: str, reason: str, *, request_id: str = "") -> Answered:
    """The organ does not stand behind the corrections: they stay on hold, what was issued stays as it is.

    Raises NoticeRefused without a reason, NotAuthorized where all that waits is other organs'.
    """
    given = reason.strip()
    if not given or len(given) > MOST_REASON:
        raise NoticeRefused("/reason", "required", f"reason: why the organ does not confirm, 1 to {MOST_REASON} characters")
    with writing(hub.engine) as connection:
        refuse_if_behind(hub.tiles, lock_log(connection))
        rows, left = _asked_about(connection, ticket, organ, but=Said.REFUSED)
        done = Answered(len(rows), left=left)
        if rows:
            _say(connection, rows, Said.REFUSED)
            _keep(connection, hub, ticket, organ, actor, Said.REFUSED, given, done)
            tell(connection, ticket, Said.REFUSED, _name(actor), organ, hub.now(), comment=given, rows=done.rows)
            _audit(hub, connection, ticket, organ, actor, request_id, [(None, "REFUSED")])
    return done


def _asked_about(connection: sa.Connection, ticket: str, organ: str, but: Said | None = None) -> tuple[list[_Row], int]:
    """(the organ's rows of the ticket that can be answered, how many cannot). `but`: rows with that answer are left out.

    Raises NotAuthorized.
    """
    if not organ:
        raise NotAuthorized("only an organ confirms: name its credit code")
    query = sa.select(held_ticket).where(held_ticket.c.ticket == ticket, held_ticket.c.answer != Said.CONFIRMED)
    found = connection.execute(query.order_by(held_ticket.c.row)).all()
    mine = [_Row(one.type_id, one.resource, bytes(one.key_bi)) for one in found if one.organ == organ]
    if found and not mine and not _spoke(connection, ticket, organ):
        raise NotAuthorized("only the organ that issues a license confirms a change of it")
    said = {bytes(one.key_bi) for one in found if one.answer == but}
    again = _reopened(connection, mine)
    return [one for one in mine if one not in again and one.key not in said], len(again)


def _reopened(connection: sa.Connection, rows: Sequence[_Row]) -> set[_Row]:
    """Those that one of their tickets, this one or another, has open again: issuing is about a row's content, so each of them counts."""
    places: dict[Place, list[tuple[str, str, bytes]]] = {}
    for (type_id, resource), keys in _by_source(rows).items():
        for chunk in chunks(keys, CHUNK):
            query = sa.select(held_ticket.c.key_bi, held_ticket.c.ticket, held_ticket.c.row).where(*_held(type_id, resource, chunk))
            for key, ticket, row in connection.execute(query):
                places.setdefault(Place(ticket, row), []).append((type_id, resource, bytes(key)))
    again = {one for place in reopened(connection, places) for one in places[place]}
    return {one for one in rows if (one.type_id, one.resource, one.key) in again}


def _held(type_id: str, resource: str, keys: Sequence[bytes]) -> tuple[sa.ColumnElement[bool], ...]:
    return held_ticket.c.type_id == type_id, held_ticket.c.resource == resource, held_ticket.c.key_bi.in_(keys)


def _spoke(connection: sa.Connection, ticket: str, organ: str) -> bool:
    query = sa.select(held_act.c.id).where(held_act.c.ticket == ticket, held_act.c.organ == organ).limit(1)
    return connection.execute(query).first() is not None


def _say(connection: sa.Connection, rows: Sequence[_Row], said: Said) -> None:
    """Notes the answer beside the rows; it is about a row's content, so it counts for every ticket the row is on."""
    for (type_id, resource), keys in _by_source(rows).items():
        for chunk in chunks(keys, CHUNK):
            connection.execute(sa.update(held_ticket).where(*_held(type_id, resource, chunk)).values(answer=said.value))


def _by_source(rows: Sequence[_Row]) -> dict[tuple[str, str], list[bytes]]:
    found: dict[tuple[str, str], list[bytes]] = {}
    for one in rows:
        found.setdefault((one.type_id, one.resource), []).append(one.key)
    return found


def _issue(ledger: Ledger, type_id: str, resource: str, keys: Sequence[bytes], done: Answered) -> list[int]:
    """Entries of what was issued."""
    [recipe] = [one for one in recipes(ledger.hub.catalog, resource) if one.type_id == type_id]
    issued: list[int] = []
    for origin, rows in holds.chosen(ledger, recipe, keys):
        decisions, entries = holds.try_again(ledger, recipe, rows, origin)
        done.versions += len(decisions.candidates.predecessors)
        done.issued += len(decisions.candidates) - len(decisions.candidates.predecessors)
        done.waiting += len(decisions.held)
        done.unchanged += rows.num_rows - len(decisions.candidates) - len(decisions.held)
        issued += entries.values()
    return issued


def _note(hub: Hub, ledger: Ledger, ticket: str, organ: str, actor: str, done: Answered, figures: dict[str, int]) -> None:
    _keep(ledger.connection, hub, ticket, organ, actor, Said.CONFIRMED, "", done)
    tell(ledger.connection, ticket, Said.CONFIRMED, _name(actor), organ, hub.now(), **figures)


def _name(actor: str) -> str:
    """Without where he came from: in a ticket people go by their names alone."""
    return actor.partition(":")[2] or actor


def _keep(connection: sa.Connection, hub: Hub, ticket: str, organ: str, actor: str, said: Said, reason: str, done: Answered) -> None:
    issued = done.issued + done.versions
    bulk.insert(connection, held_act, [(ticket, organ, said.value, actor, reason, done.rows, issued, instant(hub.now()))])


def _audit(
    hub: Hub, connection: sa.Connection, ticket: str, organ: str, actor: str, request_id: str, about: Sequence[tuple[int | None, str]]
) -> None:
    """Names organ and ticket's number; a refusal's words stay with the ticket."""
    number = numbers(connection, [ticket]).get(ticket)
    record(
        connection,
        hub.now(),
        [Entry(request_id, actor, ACTION, entry, None, None, code, organ, f"ticket:{number}") for entry, code in about],
    )
