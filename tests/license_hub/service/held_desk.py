"""A base of companies, each organ with three of them and a ticket, for tests of what waits for its organ."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from connectors import pull
from connectors.settings import EnvironmentCredentials
from license_hub.service.confirm_held import Answered, confirm, refuse
from license_hub.service.hub import Hub
from license_hub.service.intake import IntakeReport, apply_pending
from license_hub.service.issued_of import Waiting, issued, waiting
from license_hub.service.verify import Answer, VerifyRequest, verify
from quality.corrections import Doubt, enter, prepare
from quality.engine import check
from quality.store.tables_tickets import correction, ticket_row
from quality.tickets.act import Request, act
from quality.tickets.opening import open_tickets
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role

from ..sample_hub import company, credit_code, write_csv
from .conftest import Clock

RULE = "legal_entity.status.in_codes"
BAD = "9"
"""A registration status no code table has: the row is rejected."""
STAFF = Actor("reviewer", Role.QUALITY)
PLAIN, WITHDRAWN, REVOKED = range(15), 15, 16
NEW = "样例改名有限公司"


@dataclass
class World:
    hub: Hub
    folder: Path
    clock: Clock
    rows: dict[str, dict] = field(default_factory=dict)
    unused: list[int] = field(default_factory=lambda: list(PLAIN))

    def deliver(self, *changed: dict) -> IntakeReport:
        """The whole base with these rows changed."""
        self.rows |= {row["统一社会信用代码"]: row for row in changed}
        return self.send(self.rows.values(), "legal_entity", "1")[1]

    def send(self, rows, resource: str, partition: str | None) -> tuple[str, IntakeReport]:
        hub = self.hub
        self.clock.pass_(minutes=1)
        path = write_csv(self.folder / f"{resource}-{self.clock.now:%H%M%S}.csv", rows)
        source, credentials = hub.catalog.resources[resource], EnvironmentCredentials({})
        landed = pull(source, hub.lake, credentials=credentials, now=hub.now(), input=path, partition=partition)
        report = check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=hub.now(), operator="test", accept_rejects=True)
        assert report.published
        return report.batch, apply_pending(hub)

    def open(self, batch: str, rule: str = RULE) -> dict[str, str]:
        """Body → its ticket."""
        hub = self.hub
        found = open_tickets(hub.catalog, batch, [rule], lake=hub.lake, database=hub.engine, now=hub.now(), actor="staff")
        return {one.body: one.ticket for one in found}

    def count(self, table: sa.Table) -> int:
        with self.hub.engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table))


@dataclass
class Block:
    """Companies 1 to 3 of one organ and its ticket, which asks for 1 (licensed, then rejected) and 2 (never licensed)."""

    world: World
    at: int
    ticket: str = ""

    @property
    def organ(self) -> str:
        return credit_code(500 + self.at, "11")

    def key(self, number: int) -> str:
        return credit_code(self.at * 10 + number)

    def row(self, number: int, status: str = "1", **changes: str) -> dict[str, str]:
        return company(self.at * 10 + number, status, 登记机关代码=self.organ, **changes)

    def act(self, what: Act, **given) -> str:
        hub = self.world.hub
        return act(hub.catalog, Request(self.ticket, what, STAFF, **given), database=hub.engine, now=hub.now())

    def confirm(self, organ: str = "") -> Answered:
        return confirm(self.world.hub, self.ticket, organ or self.organ, "clerk")

    def refuse(self, reason: str, organ: str = "") -> Answered:
        return refuse(self.world.hub, self.ticket, organ or self.organ, "clerk", reason)

    def issued(self, *numbers: int) -> list[tuple[int, str, str]]:
        """(version, status, held) of companies."""
        found = issued(self.world.hub, "legal_entity", [self.key(one) for one in numbers])
        return [(one.version, one.status, one.held) for one in (found[self.key(one)] for one in numbers)]

    def identifier(self, number: int) -> str:
        return issued(self.world.hub, "legal_entity", [self.key(number)])[self.key(number)].identifier

    def answer(self, number: int) -> Answer:
        code = self.key(number)
        [answer] = verify(self.world.hub, [VerifyRequest(type_id="business_license", number=code, holder_number=code)])
        return answer

    def doubt(self, number: int) -> str:
        """Somebody doubts the name on a company's license: that ticket."""
        hub, key = self.world.hub, self.key(number)
        asked = Doubt(
            self.identifier(number), "legal_entity", "credit_code", key, lambda one: one == key, ("name",), ("CZZT",), "WRONG", "名称不对",
            "bank",
        )  # fmt: skip
        prepared = prepare(hub.catalog, asked, lake=hub.lake, database=hub.engine)
        with hub.engine.begin() as connection:
            doubted = enter(connection, hub.catalog, prepared, hub.now())
            return connection.scalar(sa.select(correction.c.ticket).where(correction.c.correction == doubted))

    def waiting(self) -> list[Waiting]:
        return waiting(self.world.hub, self.ticket)

    def states(self) -> list[str]:
        with self.world.hub.engine.connect() as connection:
            return list(
                connection.scalars(sa.select(ticket_row.c.state).where(ticket_row.c.ticket == self.ticket).order_by(ticket_row.c.row))
            )
