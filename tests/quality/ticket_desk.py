"""Deliveries and tickets of one bench, for tests: deliver, open, act, look."""

from __future__ import annotations

import sqlalchemy as sa

from catalogs.model import Field, Limits
from quality.publications import reader
from quality.sql import compose, literal
from quality.store.tables_tickets import ticket, ticket_event, ticket_part, ticket_row
from quality.tickets.act import Request, act
from quality.tickets.opening import open_tickets
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role
from tests.quality.deliveries import Bench, rule

LOOSE = Limits(max_rejects=1.0, volume_band=99.0, max_removed=1.0)
FIELDS = (
    Field("code", "编号", "编号", "certificate_number", required=True),
    Field("name", "名称", "名称", "org_name"),
    Field("kind", "类别", "类别", "text"),
    Field("organ", "机关代码", "机关代码", "uscc"),
)
HEADERS = tuple(one.source for one in FIELDS)
NAMELESS, ODD = "thing.name.not_null", "thing.kind.pattern"
RULES = (rule("not_null", "code"), rule("not_null", "name"), rule("pattern", "kind", severity="warn", regex="[甲乙]"))
STAFF, CHIEF = Actor("staff", Role.QUALITY), Actor("chief", Role.SUPERVISOR)


class Desk:
    """Deliveries and tickets of one bench."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.at = {"lake": bench.lake, "database": bench.database}

    def deliver(self, *rows) -> str:
        return self.bench.deliver(*rows, columns=HEADERS).batch

    def open(self, batch: str, *rules: str):
        return open_tickets(self.bench.catalog, batch, rules or (NAMELESS, ODD), now=self.bench.now, actor="staff", **self.at)

    def act(self, name: str, what: Act, actor: Actor, **given) -> str:
        return act(self.bench.catalog, Request(name, what, actor, **given), database=self.bench.database, now=self.bench.now)

    def keys(self, name: str) -> dict[str, str]:
        """Key → state of a ticket's rows."""
        with self.bench.database.connect() as connection:
            paths = connection.scalars(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == name)).all()
            states = dict(connection.execute(sa.select(ticket_row.c.row, ticket_row.c.state).where(ticket_row.c.ticket == name)).all())
        found = {}
        with reader(self.bench.lake) as connection:
            for path in paths:
                query = compose('SELECT "row", key FROM read_parquet({path})', path=literal(str(self.bench.lake / path)))
                found |= {key: states[row] for row, key in connection.execute(query.text).fetchall()}
        return found

    def line(self, name: str) -> sa.Row:
        with self.bench.database.connect() as connection:
            return connection.execute(sa.select(ticket).where(ticket.c.ticket == name)).one()

    def events(self, name: str) -> list[str]:
        with self.bench.database.connect() as connection:
            return list(connection.scalars(sa.select(ticket_event.c.act).where(ticket_event.c.ticket == name).order_by(ticket_event.c.id)))
