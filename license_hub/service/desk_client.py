"""The client as which a body's case handlers act: of its organ, without a key, so that nobody gets a token for it.

Use grants are given to it like to any client, its scopes and types are set where clients are registered, and cases that are opened on
the pages are its own. Who acted is told by the operator of the case, the decision and the authorisation: the account's name.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from license_hub.errors import AccessError, NoDesk
from license_hub.service.authenticate import Principal
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.register_client import ACTION, Client, change, enter, find
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_desk import desk

SCOPES = ("case:work", "license:verify", "license:read", "license:scan", "license:correct", "license:copy")
"""What the pages do."""


def set_up(hub: Hub, organ: str, name: str, types: Collection[str], scopes: Collection[str] = SCOPES, *, operator: str = "") -> str:
    """The body's desk client, new or with that name, those types and scopes from now on; its id. Raises AccessError."""
    if strange := set(scopes) - set(SCOPES):
        raise AccessError(f"scope: {', '.join(sorted(strange))} is nothing the pages do; one or more of {', '.join(SCOPES)}")
    with writing(hub.engine) as connection:
        client_id = connection.scalar(sa.select(desk.c.client_id).where(desk.c.organ == organ).with_for_update())
        if client_id is not None:
            change(hub, connection, client_id, name, scopes, types, organ)
        else:
            client_id = enter(hub, connection, name, None, scopes, types, organ).client_id
            connection.execute(sa.insert(desk).values(organ=organ, client_id=client_id, made_at=instant(hub.now())))
        told = " ".join((client_id, *sorted(set(scopes)), *sorted(set(types))))
        record(connection, hub.now(), [Entry(hub.entropy(16).hex(), f"operator:{operator}", ACTION, None, None, "DONE", "DESK", told)])
    return client_id


def acting_for(hub: Hub, organ: str | None) -> tuple[Principal, Client]:
    """As whom staff of that body call, with what it is granted at this moment. Raises NoDesk."""
    with reading(hub.engine) as connection:
        client_id = connection.scalar(sa.select(desk.c.client_id).where(desk.c.organ == organ)) if organ else None
        if client_id is None:
            raise NoDesk("this body has no desk client: `hub clients desk`")
        epoch, client = find(connection, client_id)
        hub.security.seen(connection, epoch)
    if client is None or client.disabled_at:
        raise NoDesk("this body's desk client is disabled")
    return Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), epoch=epoch, organ=client.organ), client
