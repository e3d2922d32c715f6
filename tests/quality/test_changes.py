"""Changes over the catalogue: two persons, once each, append-only, in effect from the next batch and no earlier, named by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from catalogs.changes import Edit, rule_of
from catalogs.model import Limits
from quality import changes
from quality.changes import Act, Standing
from quality.errors import ChangeRefused
from quality.store import tables
from quality.store.tables_changes import change, change_act
from tests.quality.deliveries import NOW

NAME = "thing.name.not_null"
TO_WARN = Edit("rule", NAME, "severity", "warn")
GOOD, NAMELESS = ("A1", "甲公司", None), ("A2", None, None)


def propose(bench, *edits, author="first person", reason="试行") -> int:
    with bench.database.begin() as connection:
        return changes.propose(connection, bench.catalog, "thing", edits, author=author, reason=reason, now=NOW)


def decide(bench, number, act=Act.APPROVE, actor="second person", reason="同意") -> None:
    with bench.database.begin() as connection:
        changes.decide(connection, bench.catalog, number, act, actor=actor, reason=reason, now=NOW)


def approve(bench, *edits) -> int:
    number = propose(bench, *edits)
    decide(bench, number)
    return number


def standings(bench) -> dict[int, Standing]:
    with bench.database.connect() as connection:
        found = changes.approved(connection, "thing")
        return {one.number: changes.standing(bench.catalog, one, found) for one in changes.listed(connection)}


def test_approved_change_counts_from_the_next_batch_which_names_it(bench_on):
    bench = bench_on()
    first = bench.deliver(GOOD, NAMELESS, accept_rejects=True)
    number = propose(bench, TO_WARN)
    second = bench.deliver(GOOD, NAMELESS, ("A3", "丙公司", None), accept_rejects=True)
    decide(bench, number)
    third = bench.deliver(GOOD, NAMELESS, ("A3", "丙公司", None), ("A4", "丁公司", None))
    assert [(one.quarantined, one.warned, list(one.changes)) for one in (first, second, third)] == [
        (1, 0, []),
        (1, 0, []),
        (0, 1, [number]),
    ]
    assert third.rules[NAME]["severity"] == "warn"


def test_same_rows_are_judged_again_once_a_change_is_in_effect(bench):
    one = bench()
    one.deliver(GOOD, NAMELESS, accept_rejects=True)
    number = approve(one, TO_WARN)
    again = one.deliver(GOOD, NAMELESS)
    assert (again.noop, again.published, again.trusted, list(again.changes)) == (False, True, 2, [number])
    assert one.deliver(GOOD, NAMELESS).noop


def test_weights_of_a_change_go_with_the_batch_and_old_ones_stay(bench):
    one = bench(limits=Limits(removed_floor=5))
    one.deliver(GOOD)
    number = approve(one, Edit("weight", "0201", "", 40))
    two = one.deliver(("A3", "丙公司", None))
    with one.database.connect() as connection:
        kept = list(connection.scalars(sa.select(tables.batch.c.weights).order_by(tables.batch.c.checked_at)))
    base = one.catalog.weights
    assert [(w["version"], w["of"]["0201"]) for w in kept] == [(base.version, 12), (f"{base.version}+{number}", 40)] and two.published


def test_changed_limit_moves_the_gate(bench):
    one = bench()
    rows = [GOOD, NAMELESS, *((f"A{at}", "某公司", None) for at in range(3, 9))]
    assert one.deliver(*rows).gate == "stopped"
    approve(one, Edit("limit", "max_rejects", "", 0.2))
    assert one.deliver(*rows).gate == "pass"


@pytest.mark.parametrize("name", ["first person", " First Person "])
def test_nobody_approves_or_refuses_what_is_their_own(bench, name):
    one = bench()
    number = propose(one, TO_WARN)
    for act in (Act.APPROVE, Act.REFUSE):
        with pytest.raises(ChangeRefused, match="a second person"):
            decide(one, number, act, actor=name)
    assert standings(one) == {number: Standing.PROPOSED}


def test_only_the_author_withdraws_and_what_is_decided_stays_so(bench):
    one = bench()
    number = propose(one, TO_WARN)
    with pytest.raises(ChangeRefused, match="who alone withdraws"):
        decide(one, number, Act.WITHDRAW)
    decide(one, number, Act.WITHDRAW, actor="first person")
    with pytest.raises(ChangeRefused, match="is decided: withdraw by first person"):
        decide(one, number)
    refused = propose(one, TO_WARN)
    decide(one, refused, Act.REFUSE)
    assert standings(one) == {number: Standing.WITHDRAWN, refused: Standing.REFUSED}
    assert one.deliver(GOOD, NAMELESS, accept_rejects=True).quarantined == 1


def test_two_decisions_at_once_leave_one(bench_on, monkeypatch):
    one = bench_on()
    number = propose(one, TO_WARN)
    with one.database.connect() as reading:
        open_still = changes.get(reading, number)
    decide(one, number)
    monkeypatch.setattr(changes, "get", lambda connection, asked: open_still)
    monkeypatch.setattr(changes, "approved", lambda *given: [])
    with pytest.raises(ChangeRefused, match="by somebody else meanwhile"):
        decide(one, number, Act.REFUSE, actor="third person")


@pytest.mark.parametrize(("author", "reason"), [("", "试行"), ("first person", "  ")])
def test_proposal_needs_a_name_and_a_reason(bench, author, reason):
    with pytest.raises(ChangeRefused, match="needs a name and a reason"):
        propose(bench(), TO_WARN, author=author, reason=reason)


def test_proposal_that_may_not_be_is_refused_with_every_fault(bench):
    with pytest.raises(ChangeRefused) as refused:
        propose(bench(), Edit("rule", "thing.code.not_null", "severity", "off"), Edit("weight", "0201", "", 99))
    assert [one.partition(": ")[0] for one in refused.value.faults] == ["thing.code.not_null.severity", "0201"]


def test_approval_is_refused_where_the_files_moved_meanwhile(bench):
    one = bench()
    number = propose(one, TO_WARN)
    rules = tuple(replace(rule, severity="warn") if rule.id == NAME else rule for rule in one.catalog.rules["thing"])
    with pytest.raises(ChangeRefused, match="is so already"):
        decide(one.with_rules(*rules), number)


def test_files_that_say_it_themselves_make_the_change_inert(bench):
    one = bench()
    number = approve(one, TO_WARN)
    rules = tuple(replace(rule, severity="warn") if rule.id == NAME else rule for rule in one.catalog.rules["thing"])
    merged = one.with_rules(*rules)
    assert standings(merged) == {number: Standing.MERGED}
    with one.database.connect() as connection:
        assert changes.effective(merged.catalog, connection) is merged.catalog
    assert list(merged.deliver(GOOD, NAMELESS).changes) == []


REJECTS = Edit("limit", "max_rejects", "", 0.2)


def test_change_of_a_resource_that_is_gone_is_superseded_and_still_listed(bench_on):
    bench = bench_on()
    waits, refused, approved = (propose(bench, REJECTS) for _ in range(3))
    decide(bench, refused, Act.REFUSE)
    decide(bench, approved)
    bench.catalog = replace(bench.catalog, resources={}, rules={})
    assert standings(bench) == {approved: Standing.SUPERSEDED, refused: Standing.REFUSED, waits: Standing.PROPOSED}


def with_rejects(bench, share: float):
    """The files with another limit."""
    resource = replace(bench.resource, limits=replace(bench.resource.limits, max_rejects=share))
    return replace(bench, resource=resource, catalog=replace(bench.catalog, resources={"thing": resource}))


def test_change_that_the_files_took_over_is_over_for_good_once_they_say_something_else(bench_on):
    one = bench_on()
    number = approve(one, REJECTS)
    assert standings(with_rejects(one, 0.2)) == {number: Standing.MERGED}
    edited = with_rejects(one, 0.05)
    assert standings(edited) == {number: Standing.SUPERSEDED}
    with one.database.connect() as connection:
        assert changes.effective(edited.catalog, connection) is edited.catalog
        assert changes.edits_in_effect(edited.catalog, connection) == {}
    again = propose(edited, replace(REJECTS, value=0.1))
    with one.database.connect() as connection:
        assert changes.get(connection, again).was == (0.05,)
    decide(edited, again)
    other = approve(edited, Edit("weight", "0201", "", 40))
    assert standings(edited) == {number: Standing.SUPERSEDED, again: Standing.ACTIVE, other: Standing.ACTIVE}
    with one.database.connect() as connection:
        assert changes.effective(edited.catalog, connection).resources["thing"].limits.max_rejects == 0.1


def test_place_the_files_edited_stays_theirs_while_the_rest_of_a_change_counts(bench):
    one = bench()
    number = approve(one, REJECTS, TO_WARN)
    edited = with_rejects(one, 0.05)
    assert standings(edited) == {number: Standing.ACTIVE}
    with one.database.connect() as connection:
        then = changes.effective(edited.catalog, connection)
        assert changes.edits_in_effect(edited.catalog, connection) == {"thing": [TO_WARN]}
    assert then.resources["thing"].limits.max_rejects == 0.05 and rule_of(then, "thing", NAME).severity == "warn"


def test_change_of_a_change_counts_while_the_files_say_what_either_found(bench):
    one = bench()
    first, second = approve(one, TO_WARN), approve(one, Edit("rule", NAME, "severity", "off"))
    rules = tuple(replace(rule, severity="warn") if rule.id == NAME else rule for rule in one.catalog.rules["thing"])
    for files in (one, one.with_rules(*rules)):
        assert standings(files) == {first: Standing.SUPERSEDED, second: Standing.ACTIVE}
        with one.database.connect() as connection:
            assert rule_of(changes.went_by(files.catalog, connection, [second]), "thing", NAME) is None


def test_approval_is_refused_where_the_files_say_a_third_thing_by_now(bench):
    one = bench()
    number = propose(one, REJECTS)
    with pytest.raises(ChangeRefused, match="max_rejects: the files were changed since"):
        decide(with_rejects(one, 0.05), number)
    assert standings(one) == {number: Standing.PROPOSED}


def test_switched_off_rule_that_the_files_dropped_is_merged(bench):
    one = bench()
    number = approve(one, Edit("rule", NAME, "severity", "off"))
    assert NAME not in one.deliver(GOOD, NAMELESS).rules
    dropped = one.with_rules(*(rule for rule in one.catalog.rules["thing"] if rule.id != NAME))
    assert standings(dropped) == {number: Standing.MERGED}


def test_later_change_of_the_same_place_supersedes_the_earlier(bench):
    one = bench()
    first, second = approve(one, TO_WARN), approve(one, Edit("rule", NAME, "severity", "off"))
    assert standings(one) == {first: Standing.SUPERSEDED, second: Standing.ACTIVE}
    assert list(one.deliver(GOOD).changes) == [second]
    back = approve(one, Edit("rule", NAME, "severity", "reject"))
    assert standings(one) == {first: Standing.SUPERSEDED, second: Standing.SUPERSEDED, back: Standing.MERGED}
    assert one.deliver(GOOD, NAMELESS, accept_rejects=True).quarantined == 1


def test_catalogue_a_batch_went_by_can_be_made_again(bench):
    one = bench()
    number = approve(one, TO_WARN)
    report = one.deliver(GOOD, NAMELESS)
    approve(one, Edit("rule", NAME, "severity", "off"))
    with one.database.connect() as connection:
        then = changes.went_by(one.catalog, connection, report.changes)
        assert changes.went_by(one.catalog, connection, ()) is one.catalog
    assert rule_of(then, "thing", NAME).severity == "warn" and then.changed_by == {"thing": (number,)}


@pytest.mark.parametrize("table", [change, change_act], ids=lambda table: table.name)
def test_tables_of_changes_are_append_only(bench_on, table):
    one = bench_on()
    approve(one, TO_WARN)
    for statement in (sa.update(table).values(reason="anders"), sa.delete(table)):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), one.database.begin() as connection:
            connection.execute(statement)
