"""What came through a ticket waits for the organ that issues it; everything else is issued as ever.

One base of companies is delivered three times for all tests; each test has an organ of its own with three companies and a ticket.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from license_hub.errors import NotAuthorized, NoticeRefused
from license_hub.service.confirm_held import Answered
from license_hub.service.erase import Ground, erase_license
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.issued_of import corrections_of, issued, issued_for
from license_hub.service.rekey import rekey
from license_hub.service.rotate_data_key import rotate
from license_hub.service.verify import VerifyRequest, verify
from license_hub.service.waiting_of import Change, waiting_of
from license_hub.storage import tables
from license_hub.storage.tables_held import held_act, held_ticket
from quality.corrected import corrections
from quality.publications import head
from quality.store.tables_tickets import ticket, ticket_event
from quality.tickets.states import Act

from ..sample_hub import credit_code
from .conftest import Clock, Options
from .held_desk import BAD, NEW, PLAIN, REVOKED, WITHDRAWN, Block, World

STRANGER = credit_code(3, "11")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request, tmp_path_factory, catalog) -> Iterator[World]:
    from tests.support import postgres

    folder, clock = tmp_path_factory.mktemp("held"), Clock()
    (folder / "files").mkdir()

    def opened(url: str) -> Hub:
        return open_hub(Options(url, folder / "lake", folder / "keys", folder / "root"), clock=clock, catalog=catalog)

    def filled(hub: Hub) -> World:
        made = World(hub, folder / "files", clock)
        blocks = [Block(made, at) for at in (*PLAIN, WITHDRAWN, REVOKED)]
        made.deliver(*(one.row(number) for one in blocks for number in (1, 3)))
        made.rows |= {one.key(number): one.row(number, BAD) for one in blocks for number in (1, 2)}
        batch, _ = made.send(made.rows.values(), "legal_entity", "1")
        tickets = made.open(batch)
        made.blocks = [Block(made, one.at, tickets[one.organ]) for one in blocks]
        made.blocks[WITHDRAWN].act(Act.WITHDRAW, reason="RULE_WRONG", comment="误开")
        corrected = [one.row(1, "3" if one.at == REVOKED else "1", 单位名称=NEW) for one in blocks]
        made.first = made.deliver(*corrected, *(one.row(2) for one in blocks), *(one.row(3, 住所="样例市新址") for one in blocks))
        return made

    if request.param == "sqlite":
        hub = opened(f"sqlite:///{folder}/hub.db")
        yield filled(hub)
        hub.close()
        return
    with postgres.database(request.getfixturevalue("postgres_server")) as url:
        hub = opened(url)
        yield filled(hub)
        hub.close()


@pytest.fixture
def block(world) -> Block:
    return world.blocks[world.unused.pop(0)]


def test_correction_of_a_ticket_waits_for_its_organ_and_all_else_is_issued(world, block):
    assert (world.first.held, world.first.issued, world.first.versions) == (2 * 16, 1, 17 + 1), "the withdrawn ticket holds nothing"
    assert block.issued(1, 2, 3) == [(1, "IN_FORCE", "TICKET"), (0, "HELD", "TICKET"), (2, "IN_FORCE", "")]
    first, second = block.answer(1), block.answer(2)
    assert (first.verdict.code, first.change_held) == ("IN_FORCE", True)
    assert (second.verdict.code, second.change_held) == ("HELD", False)
    [line] = block.waiting()
    assert (line.ticket, line.organ, line.rows, line.changes, line.refused) == (block.ticket, block.organ, 2, 1, 0)


def test_organ_is_told_which_licenses_a_ticket_changes_and_in_which_fields(world, block):
    [one], more = waiting_of(world.hub, block.organ)
    assert (one.ticket, one.resource, one.rows, one.changes, one.refused, more) == (block.ticket, "legal_entity", 2, 1, 0, 0)
    assert one.listed == (Change(block.identifier(1), ("持证主体", "名称"), False), Change("", (), False)), "its name and nothing else"
    assert waiting_of(world.hub, STRANGER) == ([], 0) == waiting_of(world.hub, "")
    block.refuse("不是")
    assert [row.refused for row in waiting_of(world.hub, block.organ)[0][0].listed] == [True, True]
    block.confirm()
    assert waiting_of(world.hub, block.organ) == ([], 0)


def test_organ_issues_all_of_a_ticket_in_one_act_and_saying_it_again_does_nothing(world, block):
    old = block.identifier(1)
    assert block.confirm() == Answered(rows=2, issued=1, versions=1)
    assert block.issued(1, 2) == [(2, "IN_FORCE", ""), (1, "IN_FORCE", "")]
    [former] = verify(world.hub, [VerifyRequest(identifier=old)])
    assert former.verdict.code == "SUPERSEDED" and not block.answer(1).change_held
    before = world.count(tables.leaf), world.count(held_act)
    assert block.confirm() == Answered() == block.refuse("迟了")
    assert (world.count(tables.leaf), world.count(held_act)) == before and block.waiting() == []


def test_license_leads_to_its_ticket_row_and_the_ticket_to_its_licenses(world, block):
    block.confirm()
    made = {block.identifier(one) for one in (1, 2)}
    links = issued_for(world.hub, block.ticket)
    assert {one.identifier for one in links} == made and {one.row for one in links} == {1, 2}
    assert [corrections_of(world.hub, one.identifier) for one in links] == [[one] for one in links]
    with world.hub.engine.connect() as connection:
        mine = sa.select(ticket_event).where(ticket_event.c.ticket == block.ticket).order_by(ticket_event.c.id.desc()).limit(1)
        last = connection.execute(mine).one()
        audited = connection.execute(sa.select(tables.audit).where(tables.audit.c.case_no == f"ticket:{links[0].number}")).all()
    told = {"organ": block.organ, "rows": 2, "issued": 1, "versions": 1}
    assert (last.act, last.actor, last.role, last.figures) == ("confirmed", "clerk", "issuer", told)
    assert [(row.action, row.code, row.purpose) for row in audited] == [("held", "CONFIRMED", block.organ)] * 2
    assert len({row.entry for row in audited}) == 2


def test_reviewer_may_look_before_the_organ(block):
    assert block.act(Act.CONFIRM) == "CLOSED"
    assert block.confirm() == Answered(rows=2, issued=1, versions=1)


def test_reviewer_may_look_after_the_organ(block):
    assert block.confirm() == Answered(rows=2, issued=1, versions=1)
    assert block.act(Act.CONFIRM) == "CLOSED"


def test_t34_organ_that_does_not_issue_them_confirms_and_refuses_nothing(block):
    for say in (lambda: block.confirm(STRANGER), lambda: block.refuse("不是", STRANGER)):
        with pytest.raises(NotAuthorized):
            say()
    assert block.issued(1) == [(1, "IN_FORCE", "TICKET")] and block.waiting()[0].refused == 0


def test_refusal_keeps_rows_on_hold_until_the_organ_thinks_better(world, block):
    with pytest.raises(NoticeRefused):
        block.refuse("  ")
    assert (block.refuse("与档案不符").rows, block.refuse("与档案不符").rows) == (2, 0)
    assert block.issued(1) == [(1, "IN_FORCE", "TICKET")] and block.waiting()[0].refused == 2
    with world.hub.engine.connect() as connection:
        said = sa.select(ticket_event.c.act, ticket_event.c.comment).where(ticket_event.c.ticket == block.ticket)
        assert tuple(connection.execute(said.order_by(ticket_event.c.id.desc())).first()) == ("refused", "与档案不符")
    assert block.confirm() == Answered(rows=2, issued=1, versions=1)


def test_row_that_fails_again_is_not_confirmed_until_it_is_corrected_again(world, block):
    world.deliver(block.row(1, BAD))
    assert block.confirm() == Answered(rows=1, issued=1, left=1)
    world.deliver(block.row(1, 单位名称=NEW))
    assert block.issued(1) == [(1, "IN_FORCE", "TICKET")]
    assert block.confirm() == Answered(rows=1, versions=1)
    block.act(Act.CONFIRM)
    world.deliver(block.row(1, BAD))
    assert block.states() == ["open", "closed"] or block.states() == ["closed", "open"]


def test_row_whose_correction_review_did_not_accept_is_left_on_hold(block):
    block.act(Act.REJECT, rows=(1,), reason="NOT_PROVEN", comment="无佐证")
    done = block.confirm()
    assert (done.rows, done.left) == (1, 1)
    assert sorted(held for _, _, held in block.issued(1, 2)) == ["", "TICKET"]


def test_row_that_another_of_its_tickets_has_open_again_stays_on_hold(world, block):
    other = Block(world, block.at, block.doubt(1))
    world.deliver(block.row(1, 单位名称="样例又改名有限公司"))
    assert (block.waiting()[0].rows, other.waiting()[0].rows) == (2, 1)
    other.act(Act.REJECT, rows=(1,), reason="NOT_PROVEN", comment="无佐证")
    assert block.refuse("与档案不符") == Answered(rows=1, left=1)
    assert block.confirm() == Answered(rows=1, issued=1, left=1)
    assert block.issued(1, 2) == [(1, "IN_FORCE", "TICKET"), (1, "IN_FORCE", "")]
    assert other.confirm() == Answered(left=1)


def test_newer_row_replaces_one_on_hold_and_waits_too_though_its_ticket_is_closed(world, block):
    block.act(Act.CONFIRM)
    world.deliver(block.row(1, 单位名称="样例又改名有限公司"))
    assert block.issued(1, 2) == [(1, "IN_FORCE", "TICKET"), (0, "HELD", "TICKET")]
    world.deliver(block.row(1))
    assert block.issued(1) == [(1, "IN_FORCE", "")], "the license says this already: nothing waits"
    assert not block.answer(1).change_held and block.confirm() == Answered(rows=1, issued=1)
    world.deliver(block.row(1, 单位名称="样例再改名有限公司"))
    assert block.issued(1) == [(2, "IN_FORCE", "")], "an ordinary change"


def test_withdrawn_ticket_asks_for_nothing(world):
    assert world.blocks[WITHDRAWN].issued(1, 2) == [(2, "IN_FORCE", ""), (1, "IN_FORCE", "")]


def test_revocation_that_came_with_a_correction_counts_at_once(world):
    block = world.blocks[REVOKED]
    assert block.issued(1) == [(1, "REVOKED", "TICKET")]
    assert block.confirm().versions == 1
    assert block.issued(1) == [(2, "REVOKED", "")]


def test_doubted_license_waits_where_a_doubted_field_changed_and_nowhere_else(world, block):
    block.ticket = block.doubt(3)
    world.deliver(block.row(3, 住所="样例市又一新址"))
    assert block.issued(3) == [(3, "IN_FORCE", "")]
    world.deliver(block.row(3, 住所="样例市又一新址", 单位名称=NEW))
    assert block.issued(3) == [(3, "IN_FORCE", "TICKET")] and block.states() == ["corrected"]
    assert block.confirm() == Answered(rows=1, versions=1)


def permit(block: Block, number: int, **changes: str) -> dict[str, str]:
    return {
        "许可证编号": f"JY{19901010000000 + number}",
        "经营者名称": f"样例第{block.at * 10 + number}号贸易有限公司",
        "统一社会信用代码": block.key(number),
        "法定代表人": "样例甲",
        "经营场所": "样例省样例市样例路1号",
        "主体业态": "1",
        "经营项目": "预包装食品销售",
        "发证机关": "样例市市场监督管理局",
        "发证机关代码": block.organ,
        "签发日期": "2024-01-01",
        "有效期至": "2028-12-31",
        "许可状态": "1",
        "更新时间": "2026-11-01 08:00:00",
    } | changes


def test_row_that_waits_for_its_holder_too_is_issued_once_both_are_there(world, block):
    good, bad = permit(block, 3), permit(block, 4, 许可状态=BAD)
    batch, _ = world.send([good, bad], "food_permit", None)
    [block.ticket] = world.open(batch, "food_permit.status.in_codes").values()
    world.send([good, permit(block, 4)], "food_permit", None)
    [line] = block.waiting()
    assert (line.resource, line.rows) == ("food_permit", 1)
    assert block.confirm() == Answered(rows=1, waiting=1)
    assert block.waiting() == [] == issued_for(world.hub, block.ticket)
    world.deliver(block.row(4))
    [made] = issued_for(world.hub, block.ticket)
    assert issued(world.hub, "food_permit", ["JY19901010000004"])["JY19901010000004"].identifier == made.identifier


def test_resource_without_tickets_is_asked_about_in_one_statement(world):
    sent = []
    with world.hub.engine.connect() as connection:
        published = head(connection, "legal_entity", "1")
        other = type(published)(**(vars(published) | {"resource": "population"}))
        sa.event.listen(world.hub.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: sent.append(statement))
        assert corrections(connection, world.hub.lake, world.hub.catalog, other) == {}
    assert len(sent) == 1


def test_rows_on_hold_move_to_a_new_index_key_and_go_with_an_erased_license(world, block):
    rotate(world.hub, "index", "test")
    rekey(world.hub, "test")
    assert block.issued(1, 2) == [(1, "IN_FORCE", "TICKET"), (0, "HELD", "TICKET")]
    before = world.count(held_ticket)
    erase_license(world.hub, block.identifier(1), Ground("test", "样例删〔2026〕1号", block.organ), "officer")
    assert world.count(held_ticket) == before - 1
    assert block.confirm() == Answered(rows=1, issued=1)


def test_everything_stored_is_whole_after_all_that(world):
    assert fsck(world.hub).findings == ()
    with world.hub.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(ticket)) == 20
