"""Sign-in with a password: throttled by account and by address, the same answer and the same work whatever was wrong."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.errors import SignInRefused, SignInThrottled
from license_hub.service import passwords
from license_hub.service.hub import Hub
from license_hub.service.keep_accounts import Account, told
from license_hub.service.list_audit import Entry, record
from license_hub.service.staff_sessions import Limits, close_session, open_session
from license_hub.storage.engine import writing
from license_hub.storage.tables_staff import account as accounts_table
from license_hub.storage.tables_staff import failure

WINDOW_S = 900
OF_BOTH, OF_ACCOUNT, OF_ADDRESS = 5, 50, 30
"""Failed sign-ins within WINDOW_S after which no more are looked at: for one account from one address, for it from anywhere, from one
address. With a handful of guesses a stranger shuts nobody out elsewhere."""
ACTION = "sign-in"


@dataclass(frozen=True)
class Attempt:
    account: str
    password: str
    address: str
    """Where it came from, as the server sees it."""
    request_id: str
    former: str = ""
    """The session cookie the browser had."""

    @property
    def actor(self) -> str:
        return staff(self.account)


def staff(account: str) -> str:
    """How the audit log calls a person who is signed in, apart from clients and from names at the command line."""
    return f"staff:{account}"


def sign_in(hub: Hub, attempt: Attempt, limits: Limits) -> tuple[str, Account]:
    """(cookie of the new session, who). Raises SignInThrottled, SignInRefused, Crowded; each attempt is on record before it is answered."""
    marks = _Marks(hub, attempt)
    row, wait = _counted(hub, attempt.account, marks)
    if wait:
        _refused(hub, attempt, row is not None, "THROTTLED")
        raise SignInThrottled(wait)
    right, fresh = passwords.agrees(attempt.password, None if row is None or row.disabled_at else row.password)
    if not right:
        _refused(hub, attempt, row is not None, "REFUSED")
        raise SignInRefused("name and password do not agree")
    return _opened(hub, attempt, limits, marks, row.password, fresh)


def sign_out(hub: Hub, cookie: str, account: str, request_id: str) -> None:
    with writing(hub.engine) as connection:
        close_session(connection, cookie)
        record(connection, hub.now(), [Entry(request_id, staff(account), "sign-out", None, None, "DONE", "SIGNED_OUT")])


class _Marks:
    """What failures of this attempt are counted under: blind indexes of the account's name and of the address."""

    def __init__(self, hub: Hub, attempt: Attempt):
        self.both = hub.crypt.probes("sign-in", f"account {attempt.account} address {attempt.address}")
        self.account = hub.crypt.probes("sign-in", f"account {attempt.account}")
        self.address = hub.crypt.probes("sign-in", f"address {attempt.address}")
        self.at = int(hub.clock().timestamp())


def _counted(hub: Hub, name: str, marks: _Marks) -> tuple[sa.Row | None, int]:
    """(the account's row, seconds to wait). Counted as failed before it is looked at, so that many at once gain nothing."""
    with writing(hub.engine) as connection:
        row = connection.execute(sa.select(accounts_table).where(accounts_table.c.account == name).with_for_update()).first()
        connection.execute(sa.delete(failure).where(failure.c.at <= marks.at - WINDOW_S))
        limits = ((marks.both, OF_BOTH), (marks.account, OF_ACCOUNT), (marks.address, OF_ADDRESS))
        wait = max(_wait(connection, probes, most, marks.at) for probes, most in limits)
        if not wait:
            connection.execute(sa.insert(failure), [{"of": probes[0], "at": marks.at} for probes, _most in limits])
    return row, wait


def _wait(connection: sa.Connection, probes: tuple[bytes, ...], most: int, now: int) -> int:
    """Seconds until one more may be looked at: when the oldest of the last `most` leaves the window."""
    query = sa.select(failure.c.at).where(failure.c.of.in_(probes)).order_by(failure.c.at.desc()).limit(most)
    newest = connection.execute(query).scalars().all()
    return newest[-1] + WINDOW_S - now if len(newest) == most else 0


def _opened(hub: Hub, attempt: Attempt, limits: Limits, marks: _Marks, seen: str, fresh: str | None) -> tuple[str, Account]:
    mine = accounts_table.c.account == attempt.account
    with writing(hub.engine) as connection:
        # Whoever disabled the account or changed its password while this was looked at wins.
        row = connection.execute(sa.select(accounts_table).where(mine, accounts_table.c.password == seen).with_for_update()).first()
        if row is None or row.disabled_at:
            raise SignInRefused("name and password do not agree")
        if fresh:
            connection.execute(sa.update(accounts_table).where(mine).values(password=fresh))
        counted = sa.select(sa.func.max(failure.c.id)).where(failure.c.of.in_(marks.address)).scalar_subquery()
        connection.execute(sa.delete(failure).where(failure.c.of.in_([*marks.both, *marks.account]) | (failure.c.id == counted)))
        cookie = open_session(hub, connection, attempt.account, attempt.former, limits)
        record(connection, hub.now(), [Entry(attempt.request_id, attempt.actor, ACTION, None, None, "DONE", "SIGNED_IN")])
    return cookie, told(row)


def _refused(hub: Hub, attempt: Attempt, known: bool, code: str) -> None:
    """On record. A name that is no account's may be anything, a password too: it is not written down."""
    actor = f"claimed:{attempt.actor}" if known else "unknown"
    with writing(hub.engine) as connection:
        record(connection, hub.now(), [Entry(attempt.request_id, actor, ACTION, None, None, "REFUSED", code)])
