"""Framed pages say the board's words: the same states, severities and times for the same codes."""

from __future__ import annotations

import sqlalchemy as sa

from quality import sealed
from quality.board import framed, sheets
from quality.board.words import SEVERITIES, STATUSES
from quality.store import tables
from tests.quality.board.conftest import ODD, World
from tests.quality.board.house import KEY, STAFF


def opened(world: World, path: str, **parameters: str) -> str:
    answer = world.house.get(STAFF, sealed.address(KEY, path, parameters, world.bench.now))
    assert answer.status_code == 200
    return answer.text


def test_framed_summary_says_states_and_times_as_the_board_does(world):
    world.deliver(*world.good(2))
    page = opened(world, framed.SUMMARY)
    assert f"<td>{STATUSES['published']}</td>" in page and f"<td>{sheets.text_of(world.bench.now, 'instant')}</td>" in page
    world.deliver(*world.good(2))
    assert f"<td>{STATUSES['noop']}</td>" in opened(world, framed.SUMMARY)


def test_framed_rules_say_severities_as_the_board_does(world, monkeypatch):
    world.deliver(*world.good(2), *world.bad(1, start=3), ("B1", "好", "丙", world.north))
    monkeypatch.setattr(framed, "checked_by", lambda dag_id, run_id: run_id)
    page = opened(world, framed.RULES, dag_id="check_thing", run_id=operator(world))
    assert ODD in page
    assert {f"<td>{SEVERITIES['reject']}</td>" in page, f"<td>{SEVERITIES['warn']}</td>" in page} == {True}


def operator(world: World) -> str:
    with world.bench.database.connect() as connection:
        return connection.scalar(sa.select(tables.batch.c.operator))
