"""People of the demo: one account a role, and one for each of the bodies with the most failing rows. Passwords are fresh in each run.

The case handler's body, that of the sample matters, has a desk client that may use all that these matters look at.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from license_hub.service import desk_client, keep_accounts, keep_grants
from license_hub.service.hub import Hub
from license_hub.service.material_facts import wanted_by_form, wanted_by_materials
from quality.responsible import title
from quality.store.tables import score

OFFICE = {"quality": "质量员", "supervisor": "主管员", "auditor": "审计员", "system": "系统员", "security": "安全员"}
BODIES = 2
GRANTED_DAYS = 365
DOCUMENT = "样例政数〔2026〕1号"


@dataclass(frozen=True)
class Given:
    account: str
    password: str
    who: str


def give_accounts(hub: Hub, operator: str = "demo") -> list[Given]:
    """Makes the accounts; the passwords are known to the caller alone."""
    open_counter(hub, counter_body(hub), operator)
    given = []
    for account, name, role, body in _people(hub):
        password = secrets.token_urlsafe(12)
        keep_accounts.add(hub, account, f"{name}（样例）", [role], body, password, operator=operator)
        titles = hub.catalog.access.roles
        given.append(Given(account, password, f"{titles[role]} {title(hub.catalog, body)}" if body else titles[role]))
    return given


def counter_body(hub: Hub) -> str:
    """Credit code of the department that handles most of the matters."""
    handling = Counter(one.department for one in hub.catalog.matters.values())
    return hub.catalog.departments[handling.most_common(1)[0][0]].credit_code


def open_counter(hub: Hub, body: str, operator: str) -> None:
    """The body's desk client, with use grants for what the published matters look at."""
    client_id = desk_client.set_up(
        hub, body, f"{title(hub.catalog, body)}窗口（样例）", sorted(hub.catalog.license_types), operator=operator
    )
    until = (hub.now() + timedelta(days=GRANTED_DAYS)).date()
    for matter in hub.catalog.matters.values():
        wanted = [asked(matter) for asked in (wanted_by_materials, wanted_by_form)]
        for of in sorted({place[1] for one in wanted for place in one.types | one.shares}) if matter.published else ():
            keep_grants.give(hub, client_id, of, matter.id, until, DOCUMENT, operator)


def keep(given: list[Given], path: Path) -> None:
    """The list as a file that its owner alone reads."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{one.account} {one.password} {one.who}\n" for one in given)


def _people(hub: Hub) -> Iterator[tuple[str, str, str, str | None]]:
    """(account, name, role, body)."""
    for role, name in OFFICE.items():
        yield role, name, role, None
    yield keep_accounts.HANDLER, "受理员", keep_accounts.HANDLER, counter_body(hub)
    failing = sa.func.sum(score.c.evaluated - score.c.satisfied)
    query = sa.select(score.c.body).group_by(score.c.body).order_by(failing.desc(), score.c.body).limit(BODIES)
    with hub.engine.connect() as connection:
        for place, body in enumerate(connection.execute(query).scalars(), 1):
            yield f"body{place}", f"经办人{place}", keep_accounts.BODY, body
