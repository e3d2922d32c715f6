"""Issue 4's story, at the keyboard: 1,000 defects of three bodies, 600 corrected at the source, every step killed once and run again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from license_hub.service.confirm_held import Answered
from license_hub.service.fsck import fsck
from license_hub.service.hub import open_hub
from license_hub.service.issued_of import corrections_of, issued, issued_for, waiting
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage import tables
from quality.store.tables_tickets import ticket, ticket_event, ticket_row
from tests.license_hub.sample_hub import options, wall_clock
from tests.pipeline.story import BODIES, ROWS, Source, Story
from tests.support.nursery import Nursery


@pytest.fixture
def story(tmp_path, catalog) -> Iterator[Story]:
    hub = open_hub(options(tmp_path), clock=wall_clock, catalog=catalog)
    nursery = Nursery("tests.pipeline.story", tmp_path / "nursery.log")
    yield Story(tmp_path, hub, nursery)
    nursery.close()
    hub.close()


def test_thousand_defects_become_three_tickets_and_six_hundred_corrections_licenses(story, record_property):
    source = Source(story.folder)
    truth = json.loads(source.truth().read_text(encoding="utf-8"))

    # Nine tenths and more are well and are licensed; 700 are wrong from the start, 300 licensed ones turn wrong with the second delivery.
    source.spoil(set(source.bad) - set(source.licensed))
    first = story.do("check", story.do("land", source.delivery("first")))
    assert (first.read, first.trusted, first.quarantined) == (ROWS, ROWS - 700, 700)
    assert story.do("intake").issued == ROWS - 700
    source.spoil(source.licensed)
    path = source.delivery("second")
    batch = story.killed_and_done("land", path, point="connectors.landing:manifest.write before")
    second = story.killed_and_done("check", batch, point="quality.engine:records.publish after")
    assert {rule: one["failed"] for rule, one in second.rules.items() if one["failed"]} == {one.rule: one.bad for one in BODIES}
    assert second.publication == 2 and (second.quarantined, second.gate) == (1_000, "pass")
    assert sum(vars(story.do("intake").per_resource["legal_entity"]).values()) == 0

    tickets = opened(story, batch, truth)
    corrected(story, source, tickets)
    confirmed(story, source, tickets)
    linked(story, source, tickets)
    returned(story, source, tickets)
    assert fsck(story.hub).findings == ()
    record_property("events", json.dumps(Counter(row.act for row in story.rows(sa.select(ticket_event.c.act)))))


def opened(story: Story, batch: str, truth: dict[str, dict[str, list[str]]]) -> dict[str, str]:
    """One click a rule: exactly three tickets with exactly the thousand keys; body → ticket."""
    story.killed("open", batch, BODIES[0].rule, point="quality.tickets.entry:insert after")
    assert story.count(ticket) == 0
    found = [one for body in BODIES for one in story.do("open", batch, body.rule)]
    assert [one.added for body in BODIES for one in story.do("open", batch, body.rule)] == [0, 0, 0]
    assert story.count(ticket) == 3 == len(found) and story.count(ticket_row) == 1_000
    assert {one.body: {one.rule: sorted(story.keys(one.ticket).values())} for one in found} == truth
    return {one.body: one.ticket for one in found}


def corrected(story: Story, source: Source, tickets: dict[str, str]) -> None:
    """The source delivers 600 corrections: 600 rows to 待复核, 600 rows on hold, no license changed."""
    source.correct(source.fixed)
    batch = story.do("land", source.delivery("third"))
    story.killed("check", batch, point="quality.tickets.settle:note after", nth=2)
    # What is published is applied, whether or not the tickets have moved yet.
    held = story.killed_and_done("intake", point="license_hub.service.intake:_move_mark after")
    report = story.do("check", batch)
    assert (report.quarantined, report.publication) == (400, 3)
    assert story.states() == {"corrected": 600, "open": 400}
    settled = story.rows(sa.select(ticket_event.c.ticket).where(ticket_event.c.act == "settled"))
    assert sorted(row.ticket for row in settled) == sorted(tickets.values()), "each ticket moved once"
    states = {row.body: row.state for row in story.rows(sa.select(ticket.c.body, ticket.c.state))}
    assert [states[body.organ] for body in BODIES] == ["ISSUED", "ISSUED", "REVIEW"]
    assert (held.held, held.issued, held.versions, held.status_acts) == (600, 0, 0, 0)
    assert story.count(tables.version) == ROWS - 700
    assert {one.organ: (one.rows, one.changes) for one in waiting(story.hub)} == {
        body.organ: (body.fixed, body.fixed // 2) for body in BODIES
    }
    standing = issued(story.hub, "legal_entity", source.keys(source.licensed))
    assert {(one.version, one.status, one.held) for one in standing.values()} == {(1, "IN_FORCE", "TICKET")}
    code = source.key(source.licensed[0])
    [answer] = verify(story.hub, [VerifyRequest(type_id="business_license", number=code, holder_number=code)])
    assert (answer.verdict.code, answer.change_held) == ("IN_FORCE", True)


def confirmed(story: Story, source: Source, tickets: dict[str, str]) -> None:
    """A reviewer closes 600 rows and each organ confirms its own: 300 new versions, 300 first ones, 400 blocked as before."""
    former = {key: one.identifier for key, one in issued(story.hub, "legal_entity", source.keys(source.licensed)).items()}
    a, b, c = (tickets[body.organ] for body in BODIES)
    assert story.killed_and_done("review", a, point="quality.tickets.act:keep after") == "ISSUED"
    assert [story.do("review", b), story.do("review", c)] == ["ISSUED", "CLOSED"]
    assert story.states() == {"closed": 600, "open": 400}
    points = ("license_hub.service.ledger:advance_log before", "license_hub.service.confirm_held:integrate before")
    assert story.killed_and_done("confirm", a, BODIES[0].organ, point=points[0]) == Answered(rows=200, issued=100, versions=100)
    # Killed behind its commit: it is done already, and only the proofs are made up for.
    assert story.killed_and_done("confirm", b, BODIES[1].organ, point=points[1]) == Answered()
    assert story.do("confirm", c, BODIES[2].organ) == Answered(rows=250, issued=125, versions=125)
    assert story.count(tables.version) == story.count(tables.leaf) == ROWS - 700 + 600
    found = issued(story.hub, "legal_entity", source.keys(source.bad))
    assert Counter(one.version for one in found.values()) == {2: 300, 1: 300} and not any(one.held for one in found.values())
    assert found.keys() == source.keys(source.fixed), "400 have no license"
    answers = verify(story.hub, [VerifyRequest(identifier=one) for one in former.values()])
    assert Counter(one.verdict.code for one in answers) == {"SUPERSEDED": 300}
    assert hub_size(story) == ROWS - 700 + 600


def hub_size(story: Story) -> int:
    """Entries the published checkpoint vouches for."""
    return int(story.hub.tiles.read_checkpoint().split("\n")[1])


def linked(story: Story, source: Source, tickets: dict[str, str]) -> None:
    """Ticket row ↔ key ↔ license ↔ ticket row, for all 600."""
    found = issued(story.hub, "legal_entity", source.keys(source.fixed))
    seen = set()
    for name in tickets.values():
        keys = story.keys(name)
        for link in issued_for(story.hub, name):
            assert found[keys[link.row]].identifier == link.identifier and link.ticket == name
            seen.add(keys[link.row])
    assert seen == source.keys(source.fixed)
    for key in sorted(seen)[::40]:
        [link] = corrections_of(story.hub, found[key].identifier)
        assert story.keys(link.ticket)[link.row] == key


def returned(story: Story, source: Source, tickets: dict[str, str]) -> None:
    """The old value again: its row is open again, also of a ticket that was closed; nothing issued is touched."""
    again = [source.fixed[0], source.fixed[-1]]
    source.spoil(again)
    before: Callable[[], dict] = lambda: issued(story.hub, "legal_entity", source.keys(again))  # noqa: E731
    standing = before()
    story.killed_and_done("check", story.do("land", source.delivery("fourth")), point="quality.engine:settle before")
    assert sum(vars(story.do("intake").per_resource["legal_entity"]).values()) == 0
    assert story.states() == {"closed": 598, "open": 402} and before() == standing
    reopened = story.rows(sa.select(ticket_row.c.ticket, ticket_row.c.row).where(ticket_row.c.reopened == 1))
    assert {story.keys(row.ticket)[row.row] for row in reopened} == source.keys(again)
    [state] = story.rows(sa.select(ticket.c.state, ticket.c.closed_at).where(ticket.c.ticket == tickets[BODIES[2].organ]))
    assert state.state != "CLOSED" and state.closed_at is None
