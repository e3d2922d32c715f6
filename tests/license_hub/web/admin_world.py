"""What the administrators' pages show in tests: two systems, a grant, and callers that were turned away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from license_hub.service import keep_grants
from license_hub.service.hub import Hub
from license_hub.service.refuse import Refusal, refuse
from license_hub.service.register_client import Client, clients, register
from license_hub.storage.tables import TURNED_AWAY, audit
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import credit_code

NAME, WAITING = "样例区政务服务大厅", "样例街道便民中心"
NUMBER = credit_code(4000)
"""Of a holder somebody asked about."""


@dataclass(frozen=True)
class World:
    client: Client
    waiting: Client
    grant: int
    refusal: int
    """`seq` of an entry that says why."""


def admin_world(hub: Hub) -> World:
    """Made once a hub; those a hub of several test modules has stay."""
    known = {one.name: one for one in clients(hub)}
    if NAME not in known:
        client = register(hub, NAME, Key().jwk, ["license:verify", "case:work"], ["business_license"])
        register(hub, WAITING, Key().jwk, [], [])
        until = hub.now().date() + timedelta(days=20)
        keep_grants.give(hub, client.client_id, "business_license", "food_permit_new", until, "样政数〔2026〕1号", "test")
        asked = {"actor": client.client_id, "identifier": "", "subject": NUMBER}
        refuse(hub, [
            Refusal("a" * 32, "read", "FORBIDDEN", **asked),
            Refusal("b" * 32, "copy", "CASE_NOT_OPEN", case_no="990101-1", **asked),
            Refusal("c" * 32, "verify", "RATE_LIMITED", **asked),
            Refusal("d" * 32, "token", "invalid_client", claimed=client.client_id),
            Refusal("e" * 32, "verify", "UNAUTHENTICATED"),
        ])  # fmt: skip
        known = {one.name: one for one in clients(hub)}
    client = known[NAME]
    with hub.engine.connect() as connection:
        seq = connection.scalar(sa.select(sa.func.min(audit.c.seq)).where(sa.text(f"({TURNED_AWAY.text})")))
    return World(client, known[WAITING], keep_grants.grants(hub, client.client_id)[0].grant_id, seq)
