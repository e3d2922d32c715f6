"""Synchronous database code on the event loop: the loop goes on while PostgreSQL works, and a connection that died is replaced."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import sqlalchemy as sa

from license_hub.storage.engine import open_engine, reading, writing
from license_hub.storage.on_loop import aside, loop_engine, on_loop

SLEEP = sa.text("SELECT pg_sleep(0.3)")


@pytest.fixture
def engines(postgres_url):
    beside = open_engine(postgres_url)
    made = loop_engine(beside, 2, 5.0)
    yield beside, made
    beside.dispose()


def slept(engine: sa.Engine) -> int:
    """The thread that waited."""
    with writing(engine) as connection:
        connection.execute(SLEEP)
    return threading.get_ident()


def test_statements_on_the_loop_let_it_go_on_in_one_thread(engines):
    turns = 0

    async def scene() -> set[int]:
        nonlocal turns
        both = asyncio.gather(*(asyncio.create_task(on_loop(slept, engines[1])) for _ in range(2)))
        while not both.done():
            turns += 1
            await asyncio.sleep(0.01)
        return {threading.get_ident(), *await both}

    assert len(asyncio.run(scene())) == 1
    assert turns > 5, "the loop stood still while the database worked"


def test_engine_of_the_loop_serves_threads_too(engines):
    with reading(engines[1]) as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_fault_of_a_statement_rolls_back_and_reaches_the_caller(engines):
    def faulty() -> None:
        with writing(engines[1]) as connection:
            connection.execute(sa.text("CREATE TABLE half_done (a int)"))
            connection.execute(sa.text("SELECT 1/0"))

    with pytest.raises(sa.exc.DBAPIError):
        asyncio.run(on_loop(faulty))
    with reading(engines[0]) as connection:
        assert connection.execute(sa.text("SELECT to_regclass('half_done')")).scalar() is None


def test_connection_that_rested_and_died_is_replaced_unseen(engines, monkeypatch):
    monkeypatch.setattr("license_hub.storage.on_loop.RESTED_S", -1.0)

    def backend() -> int:
        with reading(engines[1]) as connection:
            return connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()

    async def scene() -> tuple[int, int]:
        first = await on_loop(backend)
        with writing(engines[0]) as connection:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        await asyncio.sleep(0.2)
        return first, await on_loop(backend)

    first, second = asyncio.run(scene())
    assert first != second


def test_slow_work_aside_leaves_the_loop_and_stays_in_its_thread_elsewhere(engines):
    async def scene() -> tuple[int, int, float]:
        ticks = 0
        task = asyncio.create_task(on_loop(lambda: aside(lambda: (time.sleep(0.2), threading.get_ident())[1])))
        while not task.done():
            ticks += 1
            await asyncio.sleep(0.01)
        return await task, threading.get_ident(), ticks

    there, here, ticks = asyncio.run(scene())
    assert there != here and ticks > 5
    assert aside(threading.get_ident) == threading.get_ident()


def test_sqlite_has_no_engine_for_the_loop(tmp_path):
    assert loop_engine(open_engine(f"sqlite:///{tmp_path / 'hub.db'}"), 2, 5.0) is None
