"""Changes what a license's status is by an organ's notice: act, document number, date, organ and reason; never a bare revocation.

- Only the organ that issued a license may give notice of it, and only acts, documents and reasons of `domain.lifecycle.TRANSITIONS`.
- A notice counts from its date, at the latest today: expiry by date is computed, so nothing is ever noticed for the future.
- An act concerns the license, whichever of its versions the notice names; it is a leaf about the newest version.
- One name may do `hub.mass_acts` acts of an organ in 24 hours; what is more goes through `approve_acts`.
- Acts, leaves, the log's sequence and audit entries commit together or not at all.

Source: design.md decisions 2 and 7; issue 3 §2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from license_hub.domain import identifier as identifiers
from license_hub.domain.license import holder_numbers
from license_hub.domain.lifecycle import TRANSITIONS, Act, Actor, ActRefused, Reason, State, after, shanghai_date
from license_hub.errors import ApprovalNeeded, NoSuchLicense, NotAuthorized, NoticeRefused
from license_hub.log.tree import leaf_hash
from license_hub.service.behind import refuse_if_behind
from license_hub.service.content import Opened, number_form, open_version, status_leaf, subject_index
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import instant
from license_hub.storage import bulk, tables
from license_hub.storage.engine import writing
from license_hub.storage.leaves import advance_log, lock_log
from license_hub.storage.licenses import CHUNK, chunks
from license_hub.storage.lookup import FOUND

WINDOW = timedelta(hours=24)
DOCUMENT_CHARS = 100
EARLIEST = date(1949, 10, 1)


@dataclass(frozen=True)
class Notice:
    """What an organ tells of one license."""

    identifier: str
    act: Act
    document_no: str
    on: date
    """The day the act takes effect."""
    organ: str
    """Credit code of the organ that decided."""
    reason: Reason


@dataclass(frozen=True)
class Changed:
    identifier: str
    """Of the newest version, which the act is about."""
    entry: int
    state: State
    leaf_hash: bytes
    recorded_at: str


@dataclass(frozen=True)
class _Subject:
    """The newest version of a license that notices are about."""

    row: sa.Row
    opened: Opened


def change_status(
    hub: Hub, act: Act, document_no: str, on: date, organ: str, reason: Reason, *, identifier: str, actor: str, request_id: str = ""
) -> Changed:
    """One notice. Raises NoticeRefused (NoSuchLicense), ActRefused, NotAuthorized, ApprovalNeeded."""
    notice = Notice(number_form(identifier), act, document_no.strip(), on, organ, reason)
    with writing(hub.engine) as connection:
        return change_within(hub, connection, [notice], actor=actor, request_id=request_id)[0]


def change_within(
    hub: Hub,
    connection: sa.Connection,
    notices: Sequence[Notice],
    *,
    actor: str,
    request_id: str,
    approved: bool = False,
    also: Callable[[list[Changed]], None] | None = None,
) -> list[Changed]:
    """`change_status` for many, all or none, within the caller's transaction, which does nothing after it: the audit entries come last.

    `approved`: two names stand behind the list. `also`: what else belongs to the transaction.
    """
    now = hub.now()
    for notice in notices:
        check_notice(notice, now)
    first = lock_log(connection)
    refuse_if_behind(hub.tiles, first)
    if not approved:
        _check_limit(hub, connection, notices, now)
    subjects = _subjects(hub, connection, notices)
    at, states = instant(now), {}
    events, leaves, changed, entries = [], [], [], []
    for entry, notice in enumerate(notices, start=first):
        subject = subjects[notice.identifier]
        row = subject.row
        state = after(states.get(row.license_id) or State(row.event_state or row.newest_status), notice.act, Actor.ORGAN)
        states[row.license_id] = state
        leaf_id = hub.entropy(16).hex()
        head = (entry, row.license_id, row.entry, state.value, notice.act.value, notice.reason.value)
        event = (*head, notice.document_no, notice.organ, notice.on.isoformat(), None, at, leaf_id)
        content = status_leaf(_Event(event), row.leaf_id, subject.opened.secret)
        events.append(event)
        leaves.append((entry, content, leaf_hash(content)))
        changed.append(Changed(row.identifier, entry, state, leaves[-1][2], at))
        entries.append(_audited(hub, notice, subject, entry, state, actor, request_id))
    bulk.insert(connection, tables.status, events)
    bulk.insert(connection, tables.leaf, leaves)
    advance_log(connection, first + len(notices))
    if also is not None:
        also(changed)
    record(connection, now, entries)
    return changed


def check_notice(notice: Notice, now: datetime) -> None:
    """What can be said of a notice without looking at its license. Raises NoticeRefused, ActRefused, NotAuthorized."""
    found = identifiers.inspect(notice.identifier)
    if identifiers.unusable(found):
        raise NoticeRefused("/identifier", "malformed", "identifier: form or check character is wrong")
    possible = [step for (_, act), step in TRANSITIONS.items() if act is notice.act and Actor.ORGAN in step.actors]
    if not possible:
        raise ActRefused(f"{notice.act} is not for an organ to give notice of")
    if notice.reason not in possible[0].reasons:
        listed = ", ".join(sorted(possible[0].reasons))
        raise NoticeRefused("/reason", "reason_of_act", f"reason: {notice.act} takes one of {listed}")
    if not notice.document_no or len(notice.document_no) > DOCUMENT_CHARS or not notice.document_no.isprintable():
        raise NoticeRefused("/document_no", "required", f"document_no: the decision's number, 1 to {DOCUMENT_CHARS} visible characters")
    if not EARLIEST <= notice.on <= shanghai_date(now):
        raise NoticeRefused("/date", "not_future", "date: the day the act took effect, today at the latest")
    # Before any look-up, so that a refusal says nothing of what exists.
    if notice.identifier.split(".")[6] != notice.organ:
        raise NotAuthorized("only the organ that issued a license gives notice of it")


def _check_limit(hub: Hub, connection: sa.Connection, notices: Sequence[Notice], now: datetime) -> None:
    """Counts under the log's lock, so that two callers cannot share the last place."""
    since = instant(now - WINDOW)
    for organ, wanted in Counter(notice.organ for notice in notices).items():
        recent = sa.select(sa.func.count()).where(tables.status.c.organ_code == organ, tables.status.c.recorded_at > since)
        done = connection.execute(recent).scalar_one()
        if done + wanted > hub.mass_acts:
            raise ApprovalNeeded(
                f"{done} act(s) of this organ in 24 hours and {wanted} more: beyond {hub.mass_acts} two named approvers are needed; "
                "propose the list with `hub status propose`"
            )


def _subjects(hub: Hub, connection: sa.Connection, notices: Iterable[Notice]) -> Mapping[str, _Subject]:
    """Identifier as given → the license's newest version. Raises NoSuchLicense."""
    wanted = {notice.identifier for notice in notices}
    licenses: dict[str, int] = {}
    for part in chunks(sorted(wanted), CHUNK):
        query = sa.select(tables.version.c.identifier, tables.version.c.license_id).where(tables.version.c.identifier.in_(part))
        licenses.update((row.identifier, row.license_id) for row in connection.execute(query))
    if wanted - licenses.keys():
        raise NoSuchLicense("/identifier", "unknown", "identifier: no license of that identifier was issued here")
    newest: dict[int, _Subject] = {}
    for part in chunks(sorted(set(licenses.values())), CHUNK):
        later = tables.version.alias("later_of")
        last = sa.select(sa.func.max(later.c.entry)).where(later.c.license_id.in_(part)).group_by(later.c.license_id)
        entries = list(connection.execute(last).scalars())
        for row in connection.execute(FOUND.where(tables.version.c.entry.in_(entries))):
            if not row.payload:
                raise NoticeRefused("/identifier", "erased", "identifier: the license's content was erased; nothing of it changes any more")
            newest[row.license_id] = _Subject(row, open_version(hub.crypt, row))
    return {text: newest[license_id] for text, license_id in licenses.items()}


class _Event:
    """A status row's values by column, as `status_leaf` reads them."""

    def __init__(self, values: tuple):
        self.__dict__.update(zip((column.name for column in bulk.columns(tables.status)), values, strict=True))


def _audited(hub: Hub, notice: Notice, subject: _Subject, entry: int, state: State, actor: str, request_id: str) -> Entry:
    holder = next(iter(holder_numbers(subject.opened.fields)), None)
    index = subject_index(hub.crypt, holder)
    return Entry(request_id, actor, "status", entry, index, state.value, notice.act.value, notice.reason.value, notice.document_no)
