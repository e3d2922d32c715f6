"""From failing rows to tickets and back: exactly those keys, one open ticket a rule and body, closed only by delivery and person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from catalogs.model import Field
from catalogs.quality import Responsible
from quality.sampling import draw, outcome
from quality.tickets.deadlines import warnings
from quality.tickets.record import Actor
from quality.tickets.settle import settle
from quality.tickets.states import Act, ActRefused, Role
from tests.license_hub.sample_hub import credit_code
from tests.quality.deliveries import rule
from tests.quality.ticket_desk import CHIEF, HEADERS, LOOSE, NAMELESS, ODD, STAFF, Desk


def test_one_ticket_a_rule_and_body_holds_exactly_the_failing_keys(desk, organs):
    north, south = organs
    batch = desk.deliver(
        ("A1", None, "甲", north), ("A2", None, "丙", north), ("A3", "好", "丙", north),
        ("B1", None, "乙", south), ("B2", "好", "甲", south),
    )  # fmt: skip
    opened = {(one.rule, one.body): one for one in desk.open(batch)}
    assert {place: one.rows for place, one in opened.items()} == {(NAMELESS, north): 2, (NAMELESS, south): 1, (ODD, north): 2}
    assert desk.keys(opened[NAMELESS, north].ticket) == {"A1": "open", "A2": "open"}
    assert desk.keys(opened[ODD, north].ticket) == {"A2": "open", "A3": "open"}
    assert len({one.number for one in opened.values()}) == 3


def test_opening_twice_adds_nothing_and_a_later_batch_adds_its_new_keys(desk, organs):
    north, _ = organs
    first = desk.deliver(("A1", None, "甲", north))
    (one,) = desk.open(first, NAMELESS)
    (again,) = desk.open(first, NAMELESS)
    assert (again.ticket, again.rows, again.added) == (one.ticket, 1, 0)
    second = desk.deliver(("A1", None, "甲", north), ("A7", None, "甲", north))
    (more,) = desk.open(second, NAMELESS)
    assert (more.ticket, more.rows, more.added) == (one.ticket, 2, 1)
    assert desk.events(one.ticket) == ["open", "added"]


def test_rows_go_to_a_fresh_ticket_where_the_open_one_is_withdrawn_while_they_are_written(desk, organs):
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north)), NAMELESS)
    second, ended = desk.deliver(("A1", None, "甲", north), ("A7", None, "甲", north)), []

    def withdraw(_connection, _cursor, statement, *_rest):
        """Between the look for an open ticket and the transaction that adds to it."""
        if "quality_ticket_part" in statement and not ended:
            ended.append(True)
            desk.act(one.ticket, Act.WITHDRAW, STAFF, reason="OPENED_IN_ERROR", comment="误开")

    sa.event.listen(desk.bench.database, "before_cursor_execute", withdraw)
    (fresh,) = desk.open(second, NAMELESS)
    assert ended and fresh.ticket != one.ticket and desk.keys(fresh.ticket) == {"A1": "open", "A7": "open"}
    assert desk.keys(one.ticket) == {"A1": "open"} and desk.events(one.ticket) == ["open", "withdraw"]


def test_row_is_closed_by_a_delivery_and_a_person_and_opens_again_when_the_old_value_returns(desk, organs):
    north, _ = organs
    bad, good = ("A1", None, "甲", north), ("A1", "好", "甲", north)
    (one,) = desk.open(desk.deliver(bad, ("A2", None, "甲", north)), NAMELESS)
    desk.deliver(good, ("A2", None, "甲", north))
    assert desk.keys(one.ticket) == {"A1": "corrected", "A2": "open"} and desk.line(one.ticket).state == "ISSUED"
    desk.deliver(good, ("A2", "好", "甲", north))
    assert desk.line(one.ticket).state == "REVIEW"
    assert desk.act(one.ticket, Act.CONFIRM, STAFF) == "CLOSED" and desk.line(one.ticket).closed_at is not None
    desk.deliver(bad, ("A2", "好", "甲", north))
    assert desk.keys(one.ticket) == {"A1": "open", "A2": "closed"}
    assert desk.line(one.ticket).state == "ISSUED" and desk.line(one.ticket).closed_at is None


def test_settling_a_batch_twice_moves_and_notes_nothing_more(desk, organs):
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north)), NAMELESS)
    batch = desk.deliver(("A1", "好", "甲", north))
    before = desk.events(one.ticket)
    assert settle(desk.bench.catalog, batch, now=desk.bench.now, **desk.at) == [] and desk.events(one.ticket) == before


def test_old_batch_checked_again_undoes_nothing_a_newer_one_did(desk, organs):
    north, _ = organs
    landed = desk.bench.land(("A1", None, "甲", north), columns=HEADERS)
    (one,) = desk.open(desk.bench.check(landed).batch, NAMELESS)
    desk.deliver(("A1", "好", "甲", north))
    desk.bench.check(landed)
    assert desk.keys(one.ticket) == {"A1": "corrected"} and desk.line(one.ticket).state == "REVIEW"


def test_closed_ticket_stays_closed_where_its_body_has_another_open_for_the_rule(desk, organs):
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north)), NAMELESS)
    desk.deliver(("A1", "好", "甲", north))
    desk.act(one.ticket, Act.CONFIRM, STAFF)
    (two,) = desk.open(desk.deliver(("A1", "好", "甲", north), ("A2", None, "甲", north)), NAMELESS)
    batch = desk.deliver(("A1", None, "甲", north), ("A2", None, "甲", north))
    assert two.ticket != one.ticket and desk.line(one.ticket).state == "CLOSED"
    desk.open(batch, NAMELESS)
    assert desk.keys(two.ticket) == {"A1": "open", "A2": "open"}


def test_missing_key_corrects_nothing_and_a_removed_one_is_corrected_when_it_is_back(desk, organs):
    north, _ = organs
    desk.deliver(("A1", "好", "甲", north), ("A2", "好", "甲", north))
    batch = desk.deliver(("A2", None, "甲", north))
    (one,), (gone,) = desk.open(batch, NAMELESS), desk.open(batch, "removed")
    assert desk.keys(gone.ticket) == {"A1": "open"}
    desk.deliver(("A1", "好", "甲", north))
    assert desk.keys(gone.ticket) == {"A1": "corrected"} and desk.keys(one.ticket) == {"A2": "open"}


def test_row_without_a_key_is_corrected_when_no_such_row_comes_any_more(desk):
    (one,) = desk.open(desk.deliver((None, "好", "甲", None), ("A1", "好", "甲", None)), "thing.code.not_null")
    assert desk.keys(one.ticket) == {None: "open"}
    desk.deliver((None, "又", "甲", None), ("A1", "新", "甲", None))
    assert desk.keys(one.ticket) == {None: "open"}
    desk.deliver(("A9", "好", "甲", None), ("A1", "好", "甲", None))
    assert desk.keys(one.ticket) == {None: "corrected"}


def test_wrong_key_is_corrected_when_a_whole_delivery_has_it_no_more(desk, organs):
    rules = (*desk.bench.catalog.rules["thing"], rule("pattern", "code", regex="[A-Z][0-9]+"))
    desk.bench.catalog = replace(desk.bench.catalog, rules={"thing": rules})
    good = ("A1", "好", "甲", organs[0])
    (one,) = desk.open(desk.deliver(good, ("B-2", "好", "甲", organs[0])), "thing.code.pattern")
    desk.deliver(good, ("B-2", "又", "甲", organs[0]))
    assert desk.keys(one.ticket) == {"B-2": "open"}
    desk.deliver(good, ("B2", "好", "甲", organs[0]))
    assert desk.keys(one.ticket) == {"B-2": "corrected"}
    desk.deliver(good, ("B-2", "好", "甲", organs[0]))
    assert desk.keys(one.ticket) == {"B-2": "open"}


def test_acts_of_a_round_are_possible_in_their_turn_and_in_no_other(desk, organs):
    north, south = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north)), NAMELESS)
    body = Actor("clerk", Role.BODY, north)
    with pytest.raises(ActRefused, match="possible: accept"):
        desk.act(one.ticket, Act.REPORT, body, comment="已改")
    assert desk.act(one.ticket, Act.ACCEPT, body) == "ACCEPTED"
    assert desk.act(one.ticket, Act.EXTEND, body, reason="NEEDS_SURVEY", comment="需上门") == "ACCEPTED"
    due = desk.line(one.ticket).due_on
    desk.act(one.ticket, Act.GRANT, STAFF)
    assert desk.line(one.ticket).due_on > due
    assert desk.act(one.ticket, Act.OBJECT, body, reason="RULE_WRONG", comment="名称可空") == "DISPUTED"
    with pytest.raises(ActRefused):
        desk.act(one.ticket, Act.ACCEPT, body)
    assert desk.act(one.ticket, Act.UPHOLD, CHIEF, comment="不可空") == "ACCEPTED"
    assert desk.act(one.ticket, Act.TRANSFER, STAFF, comment="归南区", to=south) == "ISSUED"
    assert desk.events(one.ticket) == ["open", "accept", "extend", "grant", "object", "uphold", "transfer"]


def test_t34_staff_of_another_body_cannot_see_that_a_ticket_exists(desk, organs):
    north, south = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north)), NAMELESS)
    with pytest.raises(KeyError):
        desk.act(one.ticket, Act.ACCEPT, Actor("clerk", Role.BODY, south))
    with pytest.raises(KeyError):
        desk.act("no such ticket", Act.ACCEPT, Actor("clerk", Role.BODY, north))
    with pytest.raises(ActRefused):
        desk.act(one.ticket, Act.WITHDRAW, Actor("clerk", Role.BODY, north), reason="RULE_WRONG", comment="不要")


@pytest.mark.parametrize(
    ("what", "given"),
    [
        (Act.RETURN, {"comment": "不是我们"}), (Act.RETURN, {"reason": "NOT_OURS"}), (Act.RETURN, {"reason": "LAZY", "comment": "x"}),
        (Act.ACCEPT, {"reason": "NOT_OURS"}), (Act.ACCEPT, {"to": "x"}), (Act.RETURN, {"reason": "NOT_OURS", "comment": "x" * 2001}),
    ],
)  # fmt: skip
def test_act_without_its_reason_or_comment_is_refused(desk, organs, what, given):
    (one,) = desk.open(desk.deliver(("A1", None, "甲", organs[0])), NAMELESS)
    with pytest.raises(ActRefused):
        desk.act(one.ticket, what, Actor("clerk", Role.BODY, organs[0]), **given)
    assert desk.line(one.ticket).state == "ISSUED" and desk.events(one.ticket) == ["open"]


def test_review_names_rows_and_takes_only_those_that_wait(desk, organs):
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north), ("A2", None, "甲", north), ("A3", None, "甲", north)), NAMELESS)
    desk.deliver(("A1", "好", "甲", north), ("A2", "好", "甲", north), ("A3", None, "甲", north))
    with pytest.raises(ActRefused, match="rows 3"):
        desk.act(one.ticket, Act.CONFIRM, STAFF, rows=(1, 3))
    desk.act(one.ticket, Act.REJECT, STAFF, rows=(2,), reason="NOT_PROVEN", comment="无佐证")
    desk.act(one.ticket, Act.CONFIRM, STAFF)
    assert sorted(desk.keys(one.ticket).items()) == [("A1", "closed"), ("A2", "open"), ("A3", "open")]


def test_reminders_overdue_and_escalation_come_in_working_days(desk, organs):
    (one,) = desk.open(desk.deliver(("A1", None, "甲", organs[0])), NAMELESS)
    catalog, seen = desk.bench.catalog, {}
    for days in range(0, 30):
        with desk.bench.database.connect() as connection:
            for found in warnings(connection, catalog, desk.bench.now + timedelta(days=days)):
                seen.setdefault(found.kind, []).append(found.days)
    assert one.due_on == "2026-12-04"
    assert set(seen["remind"]) == {3, 1, 0} and max(seen["overdue"]) == -1 and max(seen["escalate"]) == -3


def test_erased_key_leaves_the_tickets_too(desk, organs):
    from connectors.lake import Lake
    from quality.erase import erase_rows

    (one,) = desk.open(desk.deliver(("A1", None, "甲", organs[0]), ("A2", None, "甲", organs[0])), NAMELESS)
    erase_rows(Lake.of(desk.bench.lake), desk.bench.catalog, "thing", lambda key, landed: key == "A1")
    assert desk.keys(one.ticket) == {"A2": "open"}


def test_body_found_by_a_credit_code_gets_its_tickets_and_samples(bench, catalog):
    fields = (Field("code", "编号", "编号", "uscc", required=True), Field("name", "名称", "名称", "org_name"))
    made = bench(
        rules=(rule("not_null", "code"), rule("not_null", "name", severity="warn")), limits=LOOSE, fields=fields, order_by=None,
        responsible=Responsible(registrar_of="code"),
    )  # fmt: skip
    made.catalog = replace(made.catalog, divisions=catalog.divisions)
    batch = made.deliver((credit_code(1), None), (credit_code(2), "好"), columns=("编号", "名称")).batch
    desk = Desk(made)
    registrar, _ = catalog.organs["9" + credit_code(1)[2:8]]
    [one] = desk.open(batch, NAMELESS)
    assert (one.body, desk.keys(one.ticket)) == (registrar, {credit_code(1): "open"})
    made.deliver((credit_code(1), "好"), (credit_code(2), "好"), columns=("编号", "名称"))
    assert desk.line(one.ticket).state == "REVIEW"
    drawn = draw(made.catalog, "thing", 2, seed=1, now=made.now, actor="staff", **desk.at)
    with made.database.connect() as connection:
        assert [body.code for body in outcome(connection, drawn.sample)] == [registrar]


def test_all_tickets_are_settled_at_once_each_by_its_own_rule_and_rows(desk, organs):
    north, south = organs
    bad = [(f"A{at}", None, "丙", north if at % 2 else south) for at in range(40)]
    opened = desk.open(desk.deliver(*bad))
    assert len(opened) == 4
    mended = [(code, "好" if at < 20 else None, "甲" if at < 10 else "丙", organ) for at, (code, _, _, organ) in enumerate(bad)]
    desk.deliver(*mended)
    for one in opened:
        corrected = {code for code, state in desk.keys(one.ticket).items() if state == "corrected"}
        odd = 1 if one.body == north else 0
        assert corrected == {f"A{at}" for at in range(20 if one.rule == NAMELESS else 10) if at % 2 == odd}


def test_closed_tickets_are_read_only_where_their_rule_fails_again_and_only_for_a_time(desk, organs):
    north, _ = organs
    good, bad = ("A1", "好", "甲", north), ("A1", None, "甲", north)
    (one,) = desk.open(desk.deliver(bad, ("A2", "好", "丙", north)), NAMELESS)
    desk.deliver(good, ("A2", "好", "丙", north))
    desk.act(one.ticket, Act.CONFIRM, STAFF)
    [path] = (desk.bench.lake / "tickets").glob("*/*/*.parquet")
    kept = path.with_suffix(".away")
    path.rename(kept)
    # Its rule fails nowhere: the ticket's file is not even opened.
    desk.deliver(good, ("A2", "好", "甲", north))
    kept.rename(path)
    desk.bench.now += timedelta(days=desk.bench.catalog.tickets.reopens_within_days + 1)
    (two,) = desk.open(desk.deliver(bad, ("A2", "好", "甲", north)), NAMELESS)
    assert two.ticket != one.ticket and desk.line(one.ticket).state == "CLOSED" and desk.keys(two.ticket) == {"A1": "open"}


def test_tickets_of_an_encrypted_lake_are_settled_too(tmp_path, sqlite, catalog, small, organs):
    from connectors.lake import Lake
    from connectors.sealed import FileKeys
    from tests.quality.deliveries import Bench, resource
    from tests.quality.ticket_desk import FIELDS, RULES

    keys = FileKeys(b"k" * 8, {b"k" * 8: b"x" * 32})
    made = resource(limits=LOOSE, fields=FIELDS, order_by=None, responsible=Responsible(organ="organ"))
    shared = replace(small, resources={"thing": made}, rules={"thing": RULES}, divisions=catalog.divisions)
    desk = Desk(Bench(Lake(tmp_path / "sealed", keys), sqlite, shared, made))
    (one,) = desk.open(desk.deliver(("A1", None, "甲", organs[0])), NAMELESS)
    desk.deliver(("A1", "好", "甲", organs[0]))
    assert desk.line(one.ticket).state == "REVIEW"


def test_reminders_are_recorded_once_a_day_and_a_missing_year_is_named(desk, organs):
    from quality.tickets.deadlines import record

    (one,) = desk.open(desk.deliver(("A1", None, "甲", organs[0])), NAMELESS)
    bench, made = desk.bench, []
    for day in range(0, 20):
        for hours in (0, 5):
            made.append(record(bench.catalog, database=bench.database, now=bench.now + timedelta(days=day, hours=hours)))
    assert sum(each.reminded for each in made[1::2]) == sum(each.overdue + each.escalated for each in made[1::2]) == 0
    kinds = desk.events(one.ticket)
    assert kinds[0] == "open" and kinds.count("remind") == 3 and kinds.count("overdue") == 2 and kinds.count("escalate") == 2
    assert made[0].missing == () and record(bench.catalog, database=bench.database, now=bench.now + timedelta(days=400)).missing


def test_pushed_row_corrects_its_own_key_and_says_nothing_about_rows_without_one(desk, organs):
    from tests.quality.test_push import push

    north, _ = organs
    batch = desk.deliver(("A1", None, "甲", north), (None, "好", "甲", north), ("A2", None, "甲", north))
    (named,), (keyless,) = desk.open(batch, NAMELESS), desk.open(batch, "thing.code.not_null")
    push(desk.bench, ("A1", "好", "甲", north), now=desk.bench.now + timedelta(minutes=1))
    assert desk.keys(named.ticket) == {"A1": "corrected", "A2": "open"} and desk.keys(keyless.ticket) == {None: "open"}


def test_pushed_row_does_not_make_a_late_delivery_good(bench):
    from tests.quality.test_push import push
    from tests.quality.ticket_desk import FIELDS

    rules = (rule("not_null", "code"), rule("freshness", severity="warn"))
    desk = Desk(bench(rules=rules, limits=LOOSE, fields=FIELDS, order_by=None))
    late = desk.bench.land(("A1", "好", "甲", None), columns=HEADERS, as_of=desk.bench.now - timedelta(days=3))
    (one,) = desk.open(desk.bench.check(late).batch, "thing.row.freshness")
    push(desk.bench, ("A2", "好", "甲", None), now=desk.bench.now + timedelta(minutes=1))
    assert desk.line(one.ticket).state == "ISSUED"
