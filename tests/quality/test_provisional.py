"""暂行更正: kept apart, for the time being, told without its value, ended by the source, by its ticket or by time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.lake import Lake
from quality.erase import erase_rows
from quality.job import SHANGHAI
from quality.provisional import license_of, pending
from quality.store.tables_tickets import provisional
from quality.tickets.deadlines import record
from quality.tickets.provisional import Edit, EditRefused, edit, given_values, withdraw
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role
from tests.quality.ticket_desk import NAMELESS, ODD, STAFF

IDENTIFIER = "1.2.156.3005.2.11990000000000002K001.11990100000000003H.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X"


@pytest.fixture
def ticket(desk, organs):
    """An accepted ticket of one nameless row, its body and the desk."""
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "丙", north), ("A2", None, "甲", north)), NAMELESS)
    body = Actor("clerk", Role.BODY, north)
    desk.act(one.ticket, Act.ACCEPT, body)
    return Made(desk, one.ticket, body)


class Made:
    def __init__(self, desk, name: str, body: Actor):
        self.desk, self.name, self.body = desk, name, body

    def asked(self, row: int = 1, actor: Actor | None = None, **values: str) -> Edit:
        return Edit(self.name, row, values, actor or self.body, IDENTIFIER)

    def give(self, row: int = 1, actor: Actor | None = None, **values: str) -> None:
        edit(self.desk.bench.catalog, self.asked(row, actor, **values), now=self.desk.bench.now, **self.desk.at)

    def given(self) -> dict[str, str | None]:
        bench = self.desk.bench
        with bench.database.connect() as connection:
            found = given_values(connection, Lake.of(bench.lake), self.name, bench.now, [1, 2])
        return {one.field: one.value for values in found.values() for one in values}

    def told(self, days: int = 0) -> list[str]:
        """Fields an asker about the license is told of."""
        today = (self.desk.bench.now + timedelta(days=days)).astimezone(SHANGHAI).date()
        with self.desk.bench.database.connect() as connection:
            return [one.field for one in pending(connection, today, [license_of(IDENTIFIER)])]

    def ends(self) -> list[str]:
        with self.desk.bench.database.connect() as connection:
            by = (provisional.c.made_at, provisional.c.row, provisional.c.field)
            return list(connection.scalars(sa.select(provisional.c.ended).order_by(*by)))


def test_value_is_kept_apart_and_told_of_without_itself_and_changes_no_data(ticket):
    before = ticket.desk.bench.head()
    ticket.give(name="云江食品公司")
    assert ticket.given() == {"name": "云江食品公司"} and ticket.told() == ["name"]
    assert ticket.desk.bench.head() == before and ticket.desk.line(ticket.name).state == "ACCEPTED"
    with ticket.desk.bench.database.connect() as connection:
        stored = connection.execute(sa.select(provisional)).one()
    assert "云江食品公司" not in str(stored) and license_of(IDENTIFIER) == stored.license
    assert ticket.desk.events(ticket.name)[-1] == "provisional"


def test_second_value_replaces_the_first_and_withdrawn_is_gone(ticket):
    ticket.give(name="云江食品公司")
    ticket.give(name="望湖食品公司", kind="甲")
    assert ticket.given() == {"name": "望湖食品公司", "kind": "甲"} and sorted(ticket.ends()) == ["", "", "replaced"]
    withdraw(ticket.asked(name=""), database=ticket.desk.bench.database, now=ticket.desk.bench.now)
    assert ticket.given() == {"kind": "甲"} and ticket.told() == ["kind"]
    with pytest.raises(EditRefused):
        withdraw(ticket.asked(name=""), database=ticket.desk.bench.database, now=ticket.desk.bench.now)


def test_source_that_delivers_ends_it_and_so_does_the_ticket(ticket, organs):
    ticket.give(name="云江食品公司")
    ticket.give(row=2, name="望湖食品公司")
    ticket.desk.deliver(("A1", "云江食品", "甲", organs[0]), ("A2", None, "甲", organs[0]))
    assert ticket.ends() == ["delivered", ""]
    ticket.desk.act(ticket.name, Act.OBJECT, ticket.body, reason="RULE_WRONG", comment="可空")
    ticket.desk.act(ticket.name, Act.OVERTURN, Actor("chief", Role.SUPERVISOR), comment="争议成立")
    assert ticket.ends() == ["delivered", "closed"] and ticket.told() == []


def test_it_counts_to_the_due_date_and_no_day_longer(ticket):
    ticket.give(name="云江食品公司")
    assert ticket.told(days=13) == ["name"] and ticket.told(days=14) == []
    bench = ticket.desk.bench
    bench.now += timedelta(days=14)
    with pytest.raises(EditRefused) as refused:
        ticket.give(kind="甲")
    assert refused.value.code == "OVERDUE" and ticket.given() == {}
    assert record(bench.catalog, database=bench.database, now=bench.now).expired == 1 and ticket.ends() == ["expired"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"name": ""}, "NOTHING_CHANGED"), ({}, "NOTHING_CHANGED"), ({"size": "1"}, "FIELD_UNKNOWN"),
        ({"name": "长" * 1001}, "VALUE_TOO_LONG"),
        ({"kind": "甲"}, "STILL_FAILS"), ({"name": " N/A "}, "STILL_FAILS"),
    ],
)  # fmt: skip
def test_value_that_cannot_help_is_refused(ticket, values, code):
    with pytest.raises(EditRefused) as refused:
        ticket.give(**values)
    assert refused.value.code == code and ticket.ends() == []


def test_only_its_body_gives_values_and_only_while_it_works(ticket, desk, organs):
    north, south = organs
    for stranger in (STAFF, Actor("other", Role.BODY, south)):
        with pytest.raises(KeyError):
            ticket.give(actor=stranger, name="云江食品公司")
    (two,) = desk.open(desk.deliver(("A1", None, "丙", north), ("A2", None, "甲", north)), ODD)
    with pytest.raises(EditRefused) as refused:
        Made(desk, two.ticket, ticket.body).give(kind="甲")
    assert refused.value.code == "NOT_AT_WORK"
    with pytest.raises(KeyError):
        ticket.give(row=9, name="云江食品公司")


def test_t3_erased_key_takes_its_provisional_value_along(ticket):
    ticket.give(name="云江食品公司")
    erase_rows(Lake.of(ticket.desk.bench.lake), ticket.desk.bench.catalog, "thing", lambda key, landed: key == "A1")
    assert ticket.given() == {"name": None}
