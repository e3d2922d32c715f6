"""A body's page: its own tickets and scores, what rolls up to a department, and deliveries handed in there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from catalogs.model import Connector, Delivery
from connectors.landing import batches
from quality.board.surroundings import Person
from quality.bodies import known
from quality.store import tables
from quality.store.tables_tickets import ticket
from tests.quality.board.conftest import HEADERS, World
from tests.quality.board.house import STAFF, House, clerk, text_of


def csv_of(*rows: tuple, headers: tuple[str, ...] = HEADERS) -> bytes:
    return "\n".join(",".join(one or "" for one in row) for row in (headers, *rows)).encode()


def hand_in(world: World, person: Person, code: str, content: bytes, name: str = "更正.csv", resource: str = "thing", **form):
    return world.house.send(
        person, "POST", f"/quality/bodies/{code}/deliveries", data={"resource": resource, **form}, files={"file": (name, content)}
    )


def landed(world: World) -> int:
    return sum(1 for _ in batches(world.bench.lake, "thing"))


@pytest.fixture
def provider(world) -> Person:
    return clerk(world.bench.catalog.departments["province_market"].credit_code)


@pytest.fixture
def increments(world) -> World:
    """The same resource as one that is delivered in increments, from a database."""
    made = replace(world.bench.resource, delivery=Delivery("increment"), connector=Connector("database", {"connection": "x", "table": "y"}))
    world.bench.resource = made
    world.bench.catalog = replace(world.bench.catalog, resources={"thing": made})
    world.house = House(world.bench)
    return world


def test_body_sees_its_own_tickets_score_and_overdue(world):
    world.open(world.deliver(*world.bad(3), *world.good(1, start=9), *world.bad(1, world.south, start=11)))
    page = text_of(world.house.get(clerk(world.north), f"/quality/bodies/{world.north}").text)
    assert "未关闭工单1" in page and "名称应以好字开头" in page and "样例事项" in page and "样例省市场监督管理局" in page
    assert text_of(world.house.get(STAFF, f"/quality/bodies/{world.south}").text).count("名称应以好字开头") == 1


def test_t34_body_page_is_not_found_for_staff_of_another_and_for_codes_nobody_has(world):
    world.open(world.deliver(*world.bad(1), *world.bad(1, world.south, start=11)))
    assert world.house.get(clerk(world.south), f"/quality/bodies/{world.north}").status_code == 404
    assert hand_in(world, clerk(world.south), world.north, csv_of()).status_code == 404
    for code in ("nobody", "11990101YL900000ZZ"):
        assert world.house.get(STAFF, f"/quality/bodies/{code}").status_code == 404


def test_department_page_rolls_up_its_bodies_by_count_alone(world, provider):
    world.open(world.deliver(*world.bad(3), *world.bad(2, world.south, start=11)))
    answer = world.house.get(provider, f"/quality/bodies/{provider.body}")
    page = text_of(answer.text)
    assert "归口本部门的单位" in page and "样例事项1030" in page and "样例事项1020" in page
    assert f"/quality/bodies/{world.north}" not in answer.text and "没有符合条件的工单" in page


def test_department_hands_in_the_whole_and_the_tickets_follow(world, provider):
    world.open(world.deliver(*world.bad(3), *world.bad(2, world.south, start=11)))
    form = text_of(world.house.get(provider, f"/quality/bodies/{provider.body}").text)
    assert "全量：文件须包含全部记录" in form
    answer = hand_in(world, provider, provider.body, csv_of(*world.good(2), *world.bad(1, start=3), *world.bad(2, world.south, start=11)))
    page = text_of(answer.text)
    assert answer.status_code == 200 and "已接收并完成质检" in page and "落地记录5" in page and "可信2·拒收3" in page
    ticket = text_of(world.house.get(STAFF, "/quality/tickets/1").text)
    assert "待更正1·待复核2·已关闭0" in ticket
    with world.bench.database.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.batch)) == 2
    assert world.house.audited[-1]["action"] == "quality.upload"


def test_body_hands_in_no_whole_delivery_of_what_is_not_its_alone(world):
    world.deliver(*world.bad(3))
    assert hand_in(world, clerk(world.north), world.north, csv_of(*world.good(3))).status_code == 404
    assert landed(world) == 1


def test_body_hands_in_its_own_changed_rows_where_increments_are_delivered(increments):
    world, me = increments, clerk(increments.north)
    world.open(world.deliver(*world.bad(3), *world.good(1, world.south, start=21)))
    assert "增量：只交更正过的记录" in text_of(world.house.get(me, f"/quality/bodies/{world.north}").text)
    answer = hand_in(world, me, world.north, csv_of(*world.good(2)))
    assert "可信2·拒收0" in text_of(answer.text)
    assert "待更正1·待复核2" in text_of(world.house.get(STAFF, "/quality/tickets/1").text)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("A1", "好1", "甲", "south")], "不属于本单位的记录（1条），行号：2"),
        ([("A1", "好1", "甲", "")], "不属于本单位的记录（1条）"),
        ([("A1", "好1", "甲", "north"), ("A21", "好1", "甲", "north")], "属于其他单位的记录（1条），行号：3"),
    ],
)  # fmt: skip
def test_t34_body_cannot_hand_in_rows_of_another_nor_take_its_keys(increments, rows, words):
    world = increments
    world.deliver(*world.bad(3), *world.good(1, world.south, start=21))
    codes = {"north": world.north, "south": world.south, "": ""}
    answer = hand_in(world, clerk(world.north), world.north, csv_of(*((*row[:3], codes[row[3]]) for row in rows)))
    assert answer.status_code == 422 and words in text_of(answer.text) and "什么都没有改变" in answer.text
    assert landed(world) == 1 and not list(world.bench.lake.rglob("upload-*"))


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"x", "a.exe", "文件类型不对"), (b"  \n", "a.csv", "文件是空的"), (csv_of(headers=("别的", "列")), "a.csv", "缺少的列：编号"),
        (b"PK\x03\x04not a sheet", "a.xlsx", "不符合该资源的约定"),
    ],
)  # fmt: skip
def test_file_that_is_no_delivery_is_refused_and_lands_nothing(world, provider, content, name, words):
    answer = hand_in(world, provider, provider.body, content, name)
    assert answer.status_code == 422 and words in text_of(answer.text) and landed(world) == 0


def test_bodies_are_those_of_what_stands_now_and_of_tickets(world):
    """A body whose rows are in no head any more is known by its tickets alone."""
    world.open(world.deliver(*world.bad(1), *world.good(1, start=5)))
    world.deliver(*world.good(2, world.south, start=11))
    world.deliver(*world.good(2, world.south, start=11), ("A13", "好", "丙", world.south))
    assert world.house.get(STAFF, f"/quality/bodies/{world.north}").status_code == 200
    with world.bench.database.connect() as connection:
        assert {world.north, world.south} <= known(connection, world.bench.catalog)
        connection.execute(sa.delete(ticket))
        assert known(connection, world.bench.catalog) & {world.north, world.south} == {world.south}
