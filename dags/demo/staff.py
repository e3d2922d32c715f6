"""People of the demo: one account a role, and one for each of the bodies with the most failing rows. Passwords are fresh in each run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from license_hub.service import keep_accounts
from license_hub.service.hub import Hub
from quality.responsible import title
from quality.store.tables import score

OFFICE = {"quality": "质量员", "supervisor": "主管员", "auditor": "审计员", "system": "系统员", "security": "安全员"}
BODIES = 2


@dataclass(frozen=True)
class Given:
    account: str
    password: str
    who: str


def give_accounts(hub: Hub, operator: str = "demo") -> list[Given]:
    """Makes the accounts; the passwords are known to the caller alone."""
    given = []
    for account, name, role, body in _people(hub):
        password = secrets.token_urlsafe(12)
        keep_accounts.add(hub, account, f"{name}（样例）", [role], body, password, operator=operator)
        titles = hub.catalog.access.roles
        given.append(Given(account, password, f"{titles[role]} {title(hub.catalog, body)}" if body else titles[role]))
    return given


def keep(given: list[Given], path: Path) -> None:
    """The list as a file that its owner alone reads."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{one.account} {one.password} {one.who}\n" for one in given)


def _people(hub: Hub) -> Iterator[tuple[str, str, str, str | None]]:
    """(account, name, role, body)."""
    for role, name in OFFICE.items():
        yield role, name, role, None
    failing = sa.func.sum(score.c.evaluated - score.c.satisfied)
    query = sa.select(score.c.body).group_by(score.c.body).order_by(failing.desc(), score.c.body).limit(BODIES)
    with hub.engine.connect() as connection:
        for place, body in enumerate(connection.execute(query).scalars(), 1):
            yield f"body{place}", f"经办人{place}", keep_accounts.BODY, body
