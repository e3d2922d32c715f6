"""校核申请: a doubted license becomes a ticket at its row's body; what the asker wrote stays in the lake; the answer comes back."""

from __future__ import annotations

from functools import partial
from threading import Thread

import pytest
import sqlalchemy as sa

from connectors.lake import Lake
from quality.corrections import MOST_REQUESTS, Doubt, comments, enter, prepare, read
from quality.erase import erase_rows
from quality.errors import CorrectionRefused
from quality.store.tables_tickets import correction
from quality.store.writing import writing
from quality.tickets.record import Actor
from quality.tickets.rows import page
from quality.tickets.states import Act, Role
from tests.quality.ticket_desk import STAFF

IDENTIFIER = "1.2.156.3005.2.11990000000000002K001.11990100000000003H.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X"
NEXT = IDENTIFIER.replace(".001.X", ".002.Y")


@pytest.fixture
def people(desk, organs):
    desk.deliver(("A1", "云江食品公司", "甲", organs[0]), ("A2", "望湖食品公司", "甲", organs[1]))
    return People(desk, organs[0])


class People:
    """A consumer who doubts, and the body that answers."""

    def __init__(self, desk, organ: str):
        self.desk, self.body = desk, Actor("clerk", Role.BODY, organ)

    def doubt(
        self, *, key: str = "A1", identifier: str = IDENTIFIER, fields=("name",), reason="WRONG", comment="名称与营业执照不同", by="bank"
    ):
        bench = self.desk.bench
        asked = Doubt(identifier, "thing", "code", key, lambda found: found == key, fields, ("CZZT",), reason, comment, by)
        prepared = prepare(bench.catalog, asked, **self.desk.at)
        with writing(bench.database) as connection:
            return enter(connection, bench.catalog, prepared, bench.now)

    def read(self, name: str, by: str = "bank"):
        with self.desk.bench.database.connect() as connection:
            return read(connection, name, by)

    def ticket(self, name: str) -> str:
        with self.desk.bench.database.connect() as connection:
            return connection.scalar(sa.select(correction.c.ticket).where(correction.c.correction == name))

    def comments(self, ticket: str) -> list[str | None]:
        with self.desk.bench.database.connect() as connection:
            return [comment for _, comment in comments(connection, Lake.of(self.desk.bench.lake), ticket)]


def test_doubt_is_a_ticket_at_the_rows_body_for_ten_working_days(people):
    name = people.doubt()
    line, asked = people.desk.line(people.ticket(name)), people.read(name)
    assert (line.kind, line.rule, line.body, line.due_on) == ("correction", "correction", people.body.body, "2026-12-04")
    assert (asked.state, asked.outcome, asked.answer, asked.named) == ("ISSUED", None, None, ("CZZT",))
    assert people.desk.keys(line.ticket) == {"A1": "open"}
    with people.desk.bench.database.connect() as connection:
        [row] = page(connection, Lake.of(people.desk.bench.lake), line.ticket)
        stored = str(connection.execute(sa.select(correction)).all())
    assert row.values["名称"] == "云江食品公司" and people.comments(line.ticket) == ["名称与营业执照不同"]
    assert "营业执照不同" not in stored and "云江" not in stored


def test_who_doubts_the_same_license_later_joins_its_open_ticket(people):
    first, second = people.doubt(), people.doubt(identifier=NEXT, fields=("kind",), comment="类别不对", by="court")
    ticket = people.ticket(first)
    assert people.ticket(second) == ticket and people.desk.events(ticket) == ["open", "joined"]
    assert people.comments(ticket) == ["名称与营业执照不同", "类别不对"] and people.desk.line(ticket).rows_open == 1
    other = people.doubt(key="A2", identifier=IDENTIFIER.replace("0K3J9", "0K3J8"))
    assert people.ticket(other) != ticket
    with pytest.raises(KeyError):
        people.read(first, by="court")
    assert len(list((people.desk.bench.lake / "tickets").glob("*/*/rows.parquet"))) == 2


def test_source_that_delivers_otherwise_and_a_person_correct_it_and_the_old_value_opens_it_again(people, organs):
    name = people.doubt()
    ticket = people.ticket(name)
    old, new = ("A1", "云江食品公司", "甲", organs[0]), ("A1", "云江餐饮公司", "甲", organs[0])
    people.desk.deliver(("A1", "云江食品公司", "乙", organs[0]))
    assert people.read(name).state == "ISSUED"
    people.desk.deliver(new)
    assert people.read(name).state == "REVIEW"
    people.desk.act(ticket, Act.CONFIRM, STAFF)
    assert (people.read(name).state, people.read(name).outcome) == ("CLOSED", "CORRECTED")
    people.desk.deliver(("A9", "别的", "甲", organs[0]))
    assert people.read(name).state == "CLOSED"
    people.desk.deliver(old)
    assert (people.read(name).state, people.read(name).outcome) == ("ISSUED", None)


def test_rejected_correction_of_a_doubt_stays_open_until_the_row_reads_otherwise_again(people, organs):
    name = people.doubt()
    new, other = ("A1", "云江餐饮公司", "甲", organs[0]), ("A2", "望湖食品公司", "甲", organs[1])
    people.desk.deliver(new, other)
    people.desk.act(people.ticket(name), Act.REJECT, STAFF, reason="NOT_PROVEN", comment="无佐证")
    people.desk.deliver(new, ("A2", "望湖食品公司", "乙", organs[1]))
    assert people.read(name).state == "ISSUED"
    people.desk.deliver(("A1", "云江饮食公司", "甲", organs[0]), other)
    assert people.read(name).state == "REVIEW"


def test_body_that_answers_ends_it_and_the_asker_reads_why(people):
    name = people.doubt()
    ticket = people.ticket(name)
    people.desk.act(ticket, Act.ACCEPT, people.body)
    assert people.desk.act(ticket, Act.ANSWER, people.body, reason="VALUE_RIGHT", comment="已核对档案，登记无误") == "CLOSED"
    asked = people.read(name)
    assert (asked.outcome, asked.answer.reason, asked.answer.comment) == ("NOT_CORRECTED", "VALUE_RIGHT", "已核对档案，登记无误")
    again = people.doubt()
    assert people.ticket(again) != ticket and people.read(again).outcome is None
    people.desk.act(people.ticket(again), Act.WITHDRAW, STAFF, reason="OPENED_IN_ERROR", comment="误开")
    assert people.read(again).outcome == "WITHDRAWN"


def test_t30_what_body_and_office_write_to_each_other_is_not_told_to_the_asker(people):
    name = people.doubt()
    people.desk.act(people.ticket(name), Act.RETURN, people.body, reason="NOT_OURS", comment="请转市局某科样例甲")
    asked = people.read(name)
    assert (asked.answer.reason, asked.answer.comment) == ("NOT_OURS", "")


def test_t29_asker_has_five_open_requests_for_a_license_and_no_more(people):
    for _ in range(MOST_REQUESTS):
        people.doubt()
    with pytest.raises(CorrectionRefused, match="open already"):
        people.doubt()


def test_nobody_joins_a_ticket_that_is_withdrawn_in_the_same_moment(people):
    """Either the request is in the ticket before it is ended, or it is refused."""
    if people.desk.bench.database.dialect.name != "postgresql":
        pytest.skip("one writer at a time: the look and the entry are one transaction")
    ticket, started = people.ticket(people.doubt()), []

    def withdraw(_connection, _cursor, statement, *_rest):
        """Once the open ticket was found; waits for the other where nothing keeps it from ending the ticket."""
        if statement.startswith("INSERT INTO quality_correction") and not started:
            ending = partial(people.desk.act, ticket, Act.WITHDRAW, STAFF, reason="OPENED_IN_ERROR", comment="误开")
            started.append(Thread(target=ending))
            started[0].start()
            started[0].join(2)

    sa.event.listen(people.desk.bench.database, "before_cursor_execute", withdraw)
    joined = people.doubt(by="court", identifier=NEXT)
    started[0].join()
    assert people.ticket(joined) == ticket and people.desk.events(ticket) == ["open", "joined", "withdraw"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"reason": "BORED"}, "reason"), ({"comment": " "}, "comment"), ({"comment": "字" * 2001}, "comment"), ({"fields": ()}, "fields"),
        ({"key": "Z9"}, "identifier"),
    ],
)  # fmt: skip
def test_doubt_that_cannot_be_taken_names_the_part_and_leaves_nothing(people, changes, part):
    with pytest.raises(CorrectionRefused) as refused:
        people.doubt(**changes)
    assert refused.value.part == part and not list((people.desk.bench.lake / "tickets").rglob("*.parquet"))


def test_t3_erased_row_takes_what_the_asker_wrote_along(people):
    ticket = people.ticket(people.doubt())
    erase_rows(Lake.of(people.desk.bench.lake), people.desk.bench.catalog, "thing", lambda key, landed: key == "A1")
    assert people.comments(ticket) == [None] and people.desk.keys(ticket) == {}
