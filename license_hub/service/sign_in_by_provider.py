"""Sign-in at an identity provider: its claims make the account what it is, at each sign-in anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from license_hub.errors import AccountRefused, ProviderRefused, SignInRefused
from license_hub.service import ask_provider, keep_accounts
from license_hub.service.ask_provider import Provider, ProviderOptions, claim
from license_hub.service.hub import Hub
from license_hub.service.keep_accounts import Account
from license_hub.service.list_audit import Entry, record
from license_hub.service.sign_in import ACTION, staff
from license_hub.service.staff_sessions import Limits, open_session
from license_hub.signing.commitment import instant
from license_hub.storage.engine import writing
from license_hub.storage.tables_staff import account as accounts_table
from license_hub.storage.tables_staff import session

LONGEST_SUBJECT = 200


def sign_in(
    hub: Hub, provider: Provider, attempt: ask_provider.Attempt, answer: Mapping[str, str], request_id: str, former: str, limits: Limits
) -> tuple[str, Account]:
    """(cookie of the new session, who). Raises ProviderRefused, SignInRefused; on record either way."""
    try:
        told = account_of(provider.options, provider.finish(attempt, answer))
    except ProviderRefused:
        _refused(hub, request_id, "unknown", "PROVIDER_REFUSED")
        raise
    try:
        keep_accounts.check(hub.catalog, told["account"], told["name"], told["roles"].split(), told["body"], named=False)
    except AccountRefused:
        with writing(hub.engine) as connection:
            # What was taken away there ends here, too: sessions opened with the former roles.
            connection.execute(sa.delete(session).where(session.c.account == told["account"]))
        _refused(hub, request_id, staff(told["account"]), "NO_ROLE")
        raise SignInRefused("the provider's claims give no role that this person could have here") from None
    with writing(hub.engine) as connection:
        known = keep_accounts.find(connection, told["account"])
        shut_out = known is not None and (known.local or known.disabled_at is not None)
        if not shut_out:
            cookie, account = _opened(hub, connection, told, known is None, former, limits)
        done = ("REFUSED", "DISABLED") if shut_out else ("DONE", "SIGNED_IN")
        record(connection, hub.now(), [Entry(request_id, staff(told["account"]), ACTION, None, None, *done, purpose=told["roles"])])
    if shut_out:
        raise SignInRefused("the account is disabled here")
    return cookie, account


def _opened(hub: Hub, connection: sa.Connection, told: Mapping[str, Any], new: bool, former: str, limits: Limits) -> tuple[str, Account]:
    mine = accounts_table.c.account == told["account"]
    if new:
        connection.execute(sa.insert(accounts_table).values(**told, created_at=instant(hub.now())))
    else:
        connection.execute(sa.update(accounts_table).where(mine).values(**told))
    return open_session(hub, connection, told["account"], former, limits), keep_accounts.find(connection, told["account"])


def account_of(options: ProviderOptions, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Name, roles and body as the claims say, as a row of hub_account. Raises ProviderRefused for a subject that is none."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise ProviderRefused("the ID token's subject cannot be an account")
    parts = urlsplit(options.issuer)
    name, body, said = claim(claims, options.name_claim), claim(claims, options.body_claim), claim(claims, options.roles_claim)
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    roles = sorted({options.roles[one] for one in words if isinstance(one, str) and one in options.roles})
    return {
        # A subject is unique at its issuer alone; a colon keeps these apart from local names.
        "account": f"sso:{subject}@{parts.netloc}{parts.path.rstrip('/')}",
        "name": name[:100] if isinstance(name, str) and name.strip() and name.isprintable() else subject[:100],
        "roles": " ".join(roles),
        "body": body if isinstance(body, str) and keep_accounts.OF_A_BODY & set(roles) else None,
    }


def _refused(hub: Hub, request_id: str, actor: str, code: str) -> None:
    with writing(hub.engine) as connection:
        record(connection, hub.now(), [Entry(request_id, actor, ACTION, None, None, "REFUSED", code)])
