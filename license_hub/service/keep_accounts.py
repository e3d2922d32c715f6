"""Accounts of the people who sign in: names, roles, the body whose staff they are. Every change is in the audit log.

- Staff of a body (`body`, and `handler`, who handles cases) have that role alone, and a credit code: what they see is decided by it.
- 三员分立: who runs the hub, who says what may be used, and who looks at what both did are three people, and do nothing else here.
- Roles of accounts of an identity provider come from its claims at each sign-in (`sign_in_by_provider`); such accounts have no password.
- A change of password, of roles, or disabling ends the account's sessions in the same transaction.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from uuid import uuid4

import sqlalchemy as sa

from catalogs import checkdigits
from catalogs.model import Catalog
from license_hub.errors import AccountRefused
from license_hub.service import passwords
from license_hub.service.acting import Acting
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_staff import account as accounts_table
from license_hub.storage.tables_staff import session

BODY, HANDLER = "body", "handler"
OF_A_BODY = frozenset({BODY, HANDLER})
"""Roles of a body's own staff, each held alone."""
AUDITOR = "auditor"
APART = frozenset({"system", "security", AUDITOR})
"""Roles of which a person has one, and then no other of any kind: nobody changes what he audits, or gives himself what he runs."""
ACTION = "account"
NAMED = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_NAME_CHARS = 100


@dataclass(frozen=True)
class Account:
    """`body`: credit code, for staff of a body. `local`: signs in with a password kept here."""

    account: str
    name: str
    roles: frozenset[str]
    body: str | None
    local: bool
    created_at: str
    disabled_at: str | None


def add(hub: Hub, account: str, name: str, roles: Collection[str], body: str | None, password: str, *, operator: str) -> Account:
    """A new local account. Raises AccountRefused naming what is wrong, also for a name that is taken."""
    check(hub.catalog, account, name, roles, body)
    row = {
        "account": account,
        "name": name.strip(),
        "password": passwords.hashed(password, account=account),
        "roles": " ".join(sorted(set(roles))),
        "body": body,
        "created_at": instant(hub.now()),
    }
    with writing(hub.engine) as connection:
        if find(connection, account):
            raise AccountRefused(f"account: {account} is there already")
        connection.execute(sa.insert(accounts_table).values(row))
        _on_record(hub, connection, operator, "ADDED", account)
        return find(connection, account)


def find(connection: sa.Connection, account: str) -> Account | None:
    row = connection.execute(sa.select(accounts_table).where(accounts_table.c.account == account)).first()
    return None if row is None else told(row)


def accounts(hub: Hub) -> list[Account]:
    """All of them, by name."""
    with reading(hub.engine) as connection:
        return [told(row) for row in connection.execute(sa.select(accounts_table).order_by(accounts_table.c.account))]


def disable(hub: Hub, account: str, *, operator: str, by: Acting | None = None) -> None:
    """Shuts a person out; sessions end at once. `by`: whoever does so on a page. Raises AccountRefused for an unknown account."""
    _change(hub, account, operator, "DISABLED", by, disabled_at=instant(hub.now()))


def set_password(hub: Hub, account: str, password: str, *, operator: str) -> None:
    """Raises AccountRefused, also for an account of the identity provider."""
    with reading(hub.engine) as connection:
        known = find(connection, account)
    if known is not None and not known.local:
        raise AccountRefused(f"account: {account} signs in at the identity provider and has no password here")
    _change(hub, account, operator, "PASSWORD", password=passwords.hashed(password, account=account))


def set_roles(hub: Hub, account: str, roles: Collection[str], body: str | None, *, operator: str) -> None:
    """Roles and body from now on. Raises AccountRefused."""
    check(hub.catalog, account, account, roles, body, named=False)
    _change(hub, account, operator, "ROLES", roles=" ".join(sorted(set(roles))), body=body)


def check(catalog: Catalog, account: str, name: str, roles: Collection[str], body: str | None, *, named: bool = True) -> None:
    """Raises AccountRefused for what no account may be."""
    if named and not NAMED.fullmatch(account):
        raise AccountRefused("account: 2 to 64 of a-z 0-9 . _ @ -, a letter or digit first")
    if not name.strip() or len(name) > _NAME_CHARS or not name.isprintable():
        raise AccountRefused(f"name: 1 to {_NAME_CHARS} printable characters")
    known = catalog.access.roles
    if not roles or not set(roles) <= known.keys():
        raise AccountRefused(f"roles: one or more of {', '.join(known)}")
    own = OF_A_BODY & set(roles)
    if own and len(set(roles)) > 1:
        raise AccountRefused("roles: staff of a body have that role alone")
    if (alone := sorted(APART & set(roles))) and len(set(roles)) > 1:
        raise AccountRefused(f"roles: {alone[0]} is kept apart from every other role: give it to another person")
    if bool(own) != (body is not None):
        raise AccountRefused("body: staff of a body have its credit code, others have none")
    if body is not None and not checkdigits.uscc(body):
        raise AccountRefused("body: a credit code with right check characters")


def told(row: sa.Row) -> Account:
    """An account as a row of hub_account has it. Of roles that must be apart only the one that changes nothing counts."""
    roles = frozenset(row.roles.split())
    if len(roles) > 1 and roles & APART:
        roles &= {AUDITOR}
    return Account(row.account, row.name, roles, row.body, row.password is not None, row.created_at, row.disabled_at)


def _change(hub: Hub, account: str, operator: str, code: str, by: Acting | None = None, **values: object) -> None:
    mine = accounts_table.c.account == account
    with writing(hub.engine) as connection:
        if not connection.execute(sa.update(accounts_table).where(mine).values(**values)).rowcount:
            raise AccountRefused(f"account: there is no {account[:64]!r}")
        connection.execute(sa.delete(session).where(session.c.account == account))
        if by is not None:
            record(connection, hub.now(), [by.entry(hub, ACTION, code, account)])
        else:
            _on_record(hub, connection, operator, code, account)


def _on_record(hub: Hub, connection: sa.Connection, operator: str, code: str, account: str) -> None:
    record(connection, hub.now(), [Entry(uuid4().hex, operator, ACTION, None, None, "DONE", code, purpose=account)])
