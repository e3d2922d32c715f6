"""Holders sign in at the identity provider of their region: its claims carry the number that licenses are held under. No account here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from license_hub.domain.holder import CITIZEN, CREDIT_CODE, code_type
from license_hub.errors import ProviderRefused
from license_hub.service import ask_provider
from license_hub.service.ask_provider import Provider, claim
from license_hub.service.content import holder_form
from license_hub.service.holder_sessions import Person, close_session, open_session
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.staff_sessions import Limits
from license_hub.storage.engine import writing

ACTOR, ACTION = "holder", "sign-in"
LONGEST_NAME = 100


def sign_in(
    hub: Hub, provider: Provider, number_claim: str, attempt: ask_provider.Attempt, answer: Mapping[str, str], request_id: str,
    former: str, limits: Limits,
) -> str:  # fmt: skip
    """The cookie of the new session. Raises ProviderRefused; on record either way."""
    try:
        person = person_of(provider.options.name_claim, number_claim, provider.finish(attempt, answer))
    except ProviderRefused:
        with writing(hub.engine) as connection:
            record(connection, hub.now(), [Entry(request_id, "unknown", ACTION, None, None, "REFUSED", "PROVIDER_REFUSED")])
        raise
    with writing(hub.engine) as connection:
        cookie = open_session(hub, connection, person, former, limits)
        _note(hub, connection, person, request_id, "SIGNED_IN")
    return cookie


def sign_out(hub: Hub, cookie: str, person: Person, request_id: str) -> None:
    with writing(hub.engine) as connection:
        close_session(connection, cookie)
        _note(hub, connection, person, request_id, "SIGNED_OUT")


def _note(hub: Hub, connection: object, person: Person, request_id: str, code: str) -> None:
    about = hub.crypt.blind_index("subject", person.number)
    record(connection, hub.now(), [Entry(request_id, ACTOR, ACTION, None, about, "DONE", code)])


def person_of(name_claim: str, number_claim: str, claims: Mapping[str, Any]) -> Person:
    """Whom the claims name: a citizen number or a credit code with right check characters. Raises ProviderRefused, never with a value."""
    number, name = claim(claims, number_claim), claim(claims, name_claim)
    form = holder_form(number) if isinstance(number, str) else ""
    if code_type(form, "both") not in (CITIZEN, CREDIT_CODE):
        raise ProviderRefused("the provider's claims carry no number that licenses are held under")
    shown = isinstance(name, str) and name.strip() and name.isprintable()
    return Person(form, name[:LONGEST_NAME] if shown else "")
