"""Settling again: what a killed worker left undone is made up for, what a person decided is not undone, partitions keep apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest
import sqlalchemy as sa

from catalogs.model import Delivery, Field
from connectors.lake import Lake
from quality import engine
from quality.erase import erase_rows
from quality.store.tables_tickets import ticket_row
from quality.tickets.settle import settle, settle_heads
from quality.tickets.states import Act
from quality.uploads import Upload, receive
from tests.quality.deliveries import rule
from tests.quality.ticket_desk import FIELDS, HEADERS, LOOSE, NAMELESS, STAFF, Desk

KEYLESS, LATE = "thing.code.not_null", "thing.row.freshness"
REFUSED = {"reason": "NOT_PROVEN", "comment": "无佐证"}


@contextmanager
def unsettled(desk: Desk) -> Iterator[None]:
    """Deliveries are published in here, and settling them fails: the files of tickets cannot be read."""
    folder = desk.bench.lake / "tickets"
    away = folder.rename(folder.with_name("away"))
    with pytest.raises(duckdb.IOException):
        yield
    away.rename(folder)


def states(desk: Desk, name: str) -> list[tuple[str, bool]]:
    with desk.bench.database.connect() as connection:
        columns = (ticket_row.c.state, ticket_row.c.refused)
        return [tuple(row) for row in connection.execute(sa.select(*columns).where(ticket_row.c.ticket == name).order_by(ticket_row.c.row))]


def again(desk: Desk) -> list:
    return settle_heads(desk.bench.catalog, "thing", now=desk.bench.now, **desk.at)


def published_unsettled(desk: Desk, north: str) -> tuple[str, tuple]:
    """An open ticket whose correction is the head, unsettled."""
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north)), NAMELESS)
    good = ("A1", "好", "甲", north)
    with unsettled(desk):
        desk.deliver(good)
    assert desk.keys(one.ticket) == {"A1": "open"}
    return one.ticket, good


def test_batch_that_was_published_and_not_settled_is_settled_by_the_next_run_that_looks_for_batches(desk, organs):
    ticket, _ = published_unsettled(desk, organs[0])
    bench = desk.bench
    assert engine.check_waiting(bench.catalog, "thing", **desk.at, now=lambda: bench.now, operator="airflow") == []
    assert desk.keys(ticket) == {"A1": "corrected"} and desk.line(ticket).state == "REVIEW"


def test_batch_that_was_published_and_not_settled_is_settled_when_its_file_comes_again(desk, organs):
    ticket, good = published_unsettled(desk, organs[0])
    assert desk.bench.deliver(good, columns=HEADERS).noop
    assert desk.keys(ticket) == {"A1": "corrected"}


def test_batch_that_was_published_and_not_settled_is_settled_by_an_upload(desk, organs):
    ticket, _ = published_unsettled(desk, organs[0])
    bench = desk.bench
    provider = bench.catalog.departments["province_market"].credit_code
    # A delivery without the key says nothing about its row: the one before it does.
    content = "\n".join([",".join(HEADERS), f"A9,好,甲,{organs[0]}", ""]).encode()
    bench.now += timedelta(minutes=1)
    handed = receive(bench.catalog, Upload("thing", provider, "x.csv", content, None, "clerk"), now=bench.now, **desk.at)
    assert handed.report.published and desk.keys(ticket) == {"A1": "corrected"}


def test_batches_that_wait_are_checked_oldest_first_up_to_the_one_named(desk, organs):
    landed = [desk.bench.land((f"A{at}", "好", "甲", organs[0]), columns=HEADERS) for at in range(3)]
    shared = {"now": lambda: desk.bench.now, "operator": "airflow", **desk.at}
    first = engine.check_waiting(desk.bench.catalog, "thing", before=landed[2].batch, **shared)
    assert [one.batch for one in first] == [one.batch for one in landed[:2]]
    assert [one.batch for one in engine.check_waiting(desk.bench.catalog, "thing", **shared)] == [landed[2].batch]


def test_rejected_row_stays_open_until_the_source_delivers_other_content(desk, organs):
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north), ("A2", "好", "甲", north)), NAMELESS)
    desk.deliver(("A1", "好", "甲", north), ("A2", "好", "甲", north))
    assert desk.act(one.ticket, Act.REJECT, STAFF, **REFUSED) == "ISSUED" and states(desk, one.ticket) == [("open", True)]
    assert again(desk) == [] and desk.keys(one.ticket) == {"A1": "open"}
    desk.deliver(("A1", "好", "甲", north), ("A2", "又", "甲", north))
    assert desk.keys(one.ticket) == {"A1": "open"} and desk.line(one.ticket).state == "ISSUED"
    desk.deliver(("A1", "更好", "甲", north), ("A2", "又", "甲", north))
    assert states(desk, one.ticket) == [("corrected", False)] and desk.line(one.ticket).state == "REVIEW"


def test_rejected_removed_key_stays_open_until_it_changes(desk, organs):
    north, _ = organs
    desk.deliver(("A1", "好", "甲", north), ("A2", "好", "甲", north))
    (gone,) = desk.open(desk.deliver(("A2", "好", "甲", north)), "removed")
    desk.deliver(("A1", "好", "甲", north), ("A2", "好", "甲", north))
    desk.act(gone.ticket, Act.REJECT, STAFF, **REFUSED)
    desk.deliver(("A1", "好", "甲", north), ("A2", "又", "甲", north))
    assert desk.keys(gone.ticket) == {"A1": "open"}
    desk.deliver(("A1", "又", "甲", north), ("A2", "又", "甲", north))
    assert desk.keys(gone.ticket) == {"A1": "corrected"}


def test_rejected_row_without_a_key_waits_for_another_delivery(desk):
    (one,) = desk.open(desk.deliver((None, "好", "甲", None), ("A1", "好", "甲", None)), KEYLESS)
    desk.deliver(("A1", "好", "甲", None))
    desk.act(one.ticket, Act.REJECT, STAFF, **REFUSED)
    assert again(desk) == [] and desk.keys(one.ticket) == {None: "open"}
    desk.deliver(("A1", "又", "甲", None))
    assert states(desk, one.ticket) == [("corrected", False)]


def test_head_settled_again_does_not_correct_what_a_later_stopped_batch_failed(desk, organs):
    good, other = ("A1", "好", "甲", organs[0]), ("A2", "好", "甲", organs[0])
    desk.deliver(good, other)
    desk.bench.catalog = replace(
        desk.bench.catalog, resources={"thing": replace(desk.bench.resource, limits=replace(LOOSE, max_rejects=0.0))}
    )
    landed = desk.bench.land(("A1", None, "甲", organs[0]), other, columns=HEADERS)
    stopped = desk.bench.check(landed)
    assert stopped.gate == "stopped"
    (one,) = desk.open(stopped.batch, NAMELESS)
    assert again(desk) == [] and desk.keys(one.ticket) == {"A1": "open"}


@pytest.fixture
def placed(bench_on) -> Desk:
    """Deliveries of a province each; no row says whose it is, so that all tickets are the provider's."""
    rules = (rule("not_null", "code"), rule("not_null", "name"), rule("freshness", severity="warn"))
    fields = (*FIELDS, Field("place", "省份", "省份", "code", table="province"))
    delivery = Delivery("partition", partition_field="place")
    return Desk(bench_on("partition", rules=rules, limits=LOOSE, fields=fields, order_by=None, delivery=delivery))


@pytest.fixture
def arrive(placed) -> Callable[..., str]:
    """Delivers a province's rows (code, name), on time or late; their batch."""

    def made(place: str, *rows: tuple[str | None, str | None], late: bool = False) -> str:
        columns = (*HEADERS, "省份")
        as_of = placed.bench.now - timedelta(hours=48 if late else 0)
        landed = placed.bench.land(*((*row, "甲", None, place) for row in rows), columns=columns, as_of=as_of, partition=place)
        return placed.bench.check(landed).batch

    return made


def test_row_without_a_key_is_corrected_by_its_own_partition_alone(placed, arrive):
    (one,) = placed.open(arrive("51", (None, "好"), ("A1", "好")), KEYLESS)
    arrive("45", ("B1", "好"))
    assert placed.keys(one.ticket) == {None: "open"} and again(placed) == []
    arrive("51", ("A2", "好"), ("A1", "好"))
    assert placed.keys(one.ticket) == {None: "corrected"}


def test_late_delivery_is_corrected_by_its_own_partition_alone(placed, arrive):
    (one,) = placed.open(arrive("51", ("A1", "好"), late=True), LATE)
    arrive("45", ("B1", "好"))
    assert placed.line(one.ticket).state == "ISSUED"
    arrive("51", ("A1", "又"))
    assert placed.line(one.ticket).state == "REVIEW"


def test_older_head_of_another_partition_opens_nothing_again(placed, arrive):
    """A key moves to another partition: the head it left still has it failing."""
    (one,) = placed.open(arrive("45", ("A1", None)), NAMELESS)
    batch = arrive("51", ("A1", "好"))
    assert placed.keys(one.ticket) == {"A1": "corrected"}
    placed.act(one.ticket, Act.CONFIRM, STAFF)
    assert again(placed) == [] and placed.line(one.ticket).state == "CLOSED"
    assert settle(placed.bench.catalog, batch, now=placed.bench.now, **placed.at) == []


def test_erased_row_waits_for_a_person_after_the_next_delivery(desk, organs):
    north, _ = organs
    (one,) = desk.open(desk.deliver(("A1", None, "甲", north), ("A2", None, "甲", north)), NAMELESS)
    erase_rows(Lake.of(desk.bench.lake), desk.bench.catalog, "thing", lambda key, landed: key == "A1")
    desk.deliver(("A2", None, "丙", north))
    assert [state for state, _ in states(desk, one.ticket)] == ["corrected", "open"]
    desk.deliver(("A2", "好", "甲", north))
    assert desk.act(one.ticket, Act.CONFIRM, STAFF) == "CLOSED"
