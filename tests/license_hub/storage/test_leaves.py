from __future__ import annotations

from datetime import UTC, datetime
from threading import Event, Thread

import pytest

from license_hub.errors import LeaseLost
from license_hub.log.checkpoint import Checkpoint
from license_hub.storage import bulk, tables
from license_hub.storage.engine import writing
from license_hub.storage.leaves import advance_log, leased, lock_log

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def add(engine, count: int) -> None:
    with writing(engine) as connection:
        first = lock_log(connection)
        bulk.insert(connection, tables.leaf, [(first + i, f"leaf {first + i}".encode(), bytes(32)) for i in range(count)])
        advance_log(connection, first + count)


def test_entries_are_given_out_without_gap_or_double_to_writers_at_once(engine):
    threads = [Thread(target=add, args=(engine, 3)) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    with leased(engine, NOW) as rows:
        assert rows.size() == 18
        assert rows.entries(0, 18) == [f"leaf {i}".encode() for i in range(18)]


def test_second_writer_waits_for_the_first_and_sees_its_entries(engine):
    locked, seen = Event(), []

    def second() -> None:
        locked.wait(10)
        with writing(engine) as connection:
            seen.append(lock_log(connection))

    thread = Thread(target=second)
    thread.start()
    with writing(engine) as connection:
        first = lock_log(connection)
        locked.set()
        thread.join(0.3)
        assert seen == []
        advance_log(connection, first + 5)
    thread.join()
    assert seen == [5]


def test_lease_while_another_integrator_works_is_refused(engine):
    with leased(engine, NOW), pytest.raises(LeaseLost), leased(engine, NOW):
        pass
    with leased(engine, NOW) as rows:
        assert rows.lease(NOW) >= 1


def test_fencing_number_of_a_cut_off_integrator_stores_no_checkpoint(engine):
    with leased(engine, NOW) as rows:
        old = rows.lease(NOW)
        rows.lease(NOW)
        with pytest.raises(LeaseLost):
            rows.store_checkpoint(Checkpoint("log", 1, bytes(32), "note"), old)
        assert rows.latest_checkpoint() is None


def test_checkpoint_stored_twice_stays_the_first(engine):
    with leased(engine, NOW) as rows:
        fence = rows.lease(NOW)
        rows.store_checkpoint(Checkpoint("log", 1, bytes(32), "first"), fence)
        rows.store_checkpoint(Checkpoint("log", 1, bytes(32), "second"), fence)
        assert rows.latest_checkpoint() == "first"
