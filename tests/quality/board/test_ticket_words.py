"""What bodies say on a ticket beyond its acts: provisional values, the issuing organ's word, answers to requests for correction."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from quality.board.surroundings import Issued
from quality.corrections import Doubt, enter, prepare
from quality.provisional import license_of, pending
from quality.store.tables_tickets import ticket
from tests.quality.board.conftest import SECRET, World
from tests.quality.board.house import CHIEF, STAFF, Change, Waiting, clerk, text_of

IDENTIFIER = "1.2.156.3005.2.11990000000000002K001.11990100000000003H.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X"
ROW = "/quality/tickets/1/rows/1"


@pytest.fixture
def at_work(world) -> World:
    world.open(world.deliver(*world.bad(3), *world.good(1, world.south, start=11)))
    world.house.post(clerk(world.north), "/quality/tickets/1/acts", act="accept")
    world.house.licenses["A1"] = Issued(IDENTIFIER, 1, "IN_FORCE", "/licenses/x")
    return world


def give(world: World, who, **form):
    return world.house.post(who, f"{ROW}/provisional", **form)


def test_provisional_value_is_given_shown_masked_and_told_and_withdrawn(at_work):
    world, me = at_work, clerk(at_work.north)
    assert 'name="value-name"' in world.house.get(me, ROW).text and 'name="value-name"' not in world.house.get(STAFF, ROW).text
    assert give(world, me, **{"value-name": "好" + SECRET}).status_code == 303
    page = world.house.get(me, f"{ROW}?said=given")
    assert "暂行更正已记录" in page.text and "好***" in page.text and "有效至2026-12-04" in text_of(page.text)
    assert "暂行更正" in text_of(world.house.get(STAFF, "/quality/tickets/1").text) and SECRET not in page.text
    with world.bench.database.connect() as connection:
        assert [one.field for one in pending(connection, date(2026, 11, 23), [license_of(IDENTIFIER)])] == ["name"]
    assert give(world, me, withdraw="name").status_code == 303
    with world.bench.database.connect() as connection:
        assert not pending(connection, date(2026, 11, 23), [license_of(IDENTIFIER)])


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "没有填写新的内容"),
        ({"value-name": "坏"}, "仍然通不过规则"),
        ({"value-colour": "红"}, "没有这个字段"),
        ({"withdraw": "name"}, "没有填写"),
    ],
)
def test_provisional_value_that_cannot_be_is_refused_in_words(at_work, form, words):
    answer = give(at_work, clerk(at_work.north), **form)
    assert answer.status_code == 422 and words in answer.text


def test_t34_provisional_value_is_the_handlers_alone(at_work):
    for who in (STAFF, CHIEF, clerk(at_work.south)):
        assert give(at_work, who, **{"value-name": "好"}).status_code == 404


def name_of(world: World, number: int = 1) -> str:
    with world.bench.database.connect() as connection:
        return connection.scalar(sa.select(ticket.c.ticket).where(ticket.c.number == number))


def test_issuing_organ_confirms_or_refuses_with_a_reason(at_work):
    world, me = at_work, clerk(at_work.north)
    world.house.held_rows = [(name_of(world), Waiting(world.north, 3, changes=1)), (name_of(world), Waiting(world.south, 2))]
    mine = text_of(world.house.get(me, "/quality/tickets/1").text)
    assert "确认签发3条" in mine and "其中1条涉及已签发的证照" in mine and "确认签发2条" not in mine
    assert "确认签发" not in text_of(world.house.get(STAFF, "/quality/tickets/1").text)
    path = f"/quality/bodies/{world.north}/issuing"
    assert f'action="{path}"' in world.house.get(me, "/quality/tickets/1").text
    assert "请填写不予确认的理由" in world.house.post(me, path, ticket=1, word="refuse").text and not world.house.words
    assert "理由过长" in world.house.post(me, path, ticket=1, word="refuse", comment="长" * 501).text and not world.house.words
    assert world.house.post(me, path, ticket=1, word="refuse", comment="未见材料").status_code == 303
    done = world.house.post(me, path, ticket=1, word="confirm", back="ticket")
    assert "已办理：确认签发" in world.house.get(me, done.headers["location"]).text and done.headers["location"].startswith(
        "/quality/tickets/1?"
    )
    assert world.house.words == [(world.north, "refuse: 未见材料"), (world.north, "confirm")]
    assert "没有办成" in world.house.post(me, path, ticket=1, word="confirm").text
    assert world.house.post(me, path, ticket=1, word="shout").status_code == 404
    assert world.house.post(STAFF, path, ticket=1, word="confirm").status_code == 404


def test_t34_issuing_organ_answers_on_its_own_page_what_came_through_a_ticket_it_cannot_open(at_work):
    """Its own rows alone: what waits for another organ is neither shown nor answered."""
    world, other = at_work, clerk(at_work.south)
    mine = Waiting(world.south, 2, changes=1, listed=(Change(IDENTIFIER, ("持证主体",)), Change("")))
    world.house.held_rows = [(name_of(world), mine)]
    assert world.house.get(other, "/quality/tickets/1").status_code == 404
    page = world.house.get(other, f"/quality/bodies/{world.south}").text
    assert IDENTIFIER in page and "持证主体" in page and "首次签发" in page and "确认签发2条" in text_of(page)
    looked_at = text_of(world.house.get(STAFF, f"/quality/bodies/{world.south}").text)
    assert "工单1" in looked_at and "确认签发2条" not in looked_at
    assert world.house.post(other, f"/quality/bodies/{world.north}/issuing", ticket=1, word="confirm").status_code == 404
    north = clerk(world.north)
    assert IDENTIFIER not in world.house.get(north, f"/quality/bodies/{world.north}").text
    foreign = world.house.post(north, f"/quality/bodies/{world.north}/issuing", ticket=1, word="confirm")
    assert foreign.status_code == 422 and "没有等待本单位确认的记录" in foreign.text and not world.house.words
    assert world.house.post(other, f"/quality/bodies/{world.south}/issuing", ticket=99, word="confirm").status_code == 422
    lacking = world.house.post(other, f"/quality/bodies/{world.south}/issuing", ticket=1, word="refuse")
    assert lacking.status_code == 422 and 'href="#comment-1"' in lacking.text and 'id="comment-1"' in lacking.text
    done = world.house.post(other, f"/quality/bodies/{world.south}/issuing", ticket=1, word="confirm")
    assert done.status_code == 303 and world.house.words == [(world.south, "confirm")]
    after = world.house.get(other, done.headers["location"]).text
    assert "已办理：确认签发" in after and IDENTIFIER not in after


def test_request_for_correction_shows_what_is_doubted_and_its_words_only_unmasked(at_work):
    world, me = at_work, clerk(at_work.south)
    doubt = Doubt(IDENTIFIER, "thing", "code", "A11", lambda key: key == "A11", ("name",), ("单位名称",), "WRONG", "我叫样例某", "consumer")
    made = prepare(world.bench.catalog, doubt, lake=world.bench.lake, database=world.bench.database)
    with world.bench.database.begin() as connection:
        enter(connection, world.bench.catalog, made, world.bench.now)
    page = world.house.get(me, "/quality/tickets/2")
    assert "校核申请：有人认为证照内容有误" in text_of(page.text) and "内容有误" in page.text and "样例某" not in page.text
    row = world.house.get(me, "/quality/tickets/2/rows/1").text
    assert "样例某" not in row and "申请说明在查看原值后显示" in row and 'class="at-fault"' in row
    assert "我叫样例某" in world.house.post(me, "/quality/tickets/2/rows/1", purpose_code="INQUIRY", why="办理申请").text
    world.house.post(me, "/quality/tickets/2/acts", act="accept")
    assert world.house.post(me, "/quality/tickets/2/acts", act="answer", reason="VALUE_RIGHT", comment="与档案一致").status_code == 303
    assert "答复：不作更正：核实无误" in text_of(world.house.get(me, "/quality/tickets/2").text)
