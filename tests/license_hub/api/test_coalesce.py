"""Concurrent calls become batches; each caller gets its own answer whatever happens to its neighbours."""

from __future__ import annotations

import asyncio
import threading

import pytest

from license_hub.api.coalesce import Coalescer, Overloaded
from license_hub.api.patience import TooSlow
from license_hub.api.problems import SHARED_FAULTS
from license_hub.errors import LogDiverged


class Recorder:
    """A batch verb that doubles numbers, can be held shut, and fails as told."""

    def __init__(self, poison: int | None = None, away: bool = False):
        self.batches: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.poison, self.away = poison, away

    def __call__(self, requests):
        self.open.wait(5)
        self.batches.append(list(requests))
        if self.away:
            raise ConnectionError("away")
        if self.poison in requests:
            raise ValueError("poison")
        return [2 * one for one in requests]


def test_call_alone_runs_at_once_as_a_batch_of_one():
    batch = Recorder()

    async def scene():
        calls = Coalescer(batch)
        answer = await calls.call(21)
        calls.close()
        return answer

    assert asyncio.run(scene()) == 42
    assert batch.batches == [[21]]


def test_calls_arriving_during_a_batch_share_the_next_one():
    batch = Recorder()
    batch.open.clear()

    async def scene():
        calls = Coalescer(batch, limit=4)
        waiting = [asyncio.create_task(calls.call(0))]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(calls.call(one)) for one in range(1, 8)]
        await asyncio.sleep(0.05)
        batch.open.set()
        answers = await asyncio.gather(*waiting)
        calls.close()
        return answers

    assert asyncio.run(scene()) == [2 * one for one in range(8)]
    assert batch.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]


def test_after_a_batch_of_several_the_next_waits_for_company_and_after_one_alone_it_does_not():
    batch = Recorder()

    async def scene():
        calls = Coalescer(batch, pace_s=0.5)
        for one in (0, 1):
            await calls.call(one)
        await asyncio.gather(calls.call(2), calls.call(3))
        early = asyncio.create_task(calls.call(4))
        await asyncio.sleep(0.1)
        await asyncio.gather(early, calls.call(5))
        calls.close()

    asyncio.run(scene())
    assert batch.batches == [[0], [1], [2, 3], [4, 5]]


def test_calls_beside_a_poisonous_one_are_answered():
    batch = Recorder(poison=2)

    async def scene():
        calls = Coalescer(batch)
        answers = await asyncio.gather(*(calls.call(one) for one in (1, 2, 3)), return_exceptions=True)
        calls.close()
        return answers

    first, second, third = asyncio.run(scene())
    assert (first, third) == (2, 6)
    assert isinstance(second, ValueError)
    assert batch.batches == [[1, 2, 3], [1], [2], [3]]


def test_calls_meeting_a_shared_fault_all_get_it_without_retry():
    batch = Recorder(away=True)

    async def scene():
        calls = Coalescer(batch, shared=(ConnectionError,))
        answers = await asyncio.gather(*(calls.call(one) for one in (1, 2, 3)), return_exceptions=True)
        calls.close()
        return answers

    assert [type(one) for one in asyncio.run(scene())] == [ConnectionError] * 3
    assert batch.batches == [[1, 2, 3]]


def test_calls_meeting_a_log_that_diverged_all_get_it_without_retry():
    runs = []

    def batch(requests):
        runs.append(list(requests))
        raise LogDiverged("published history and database disagree")

    async def scene():
        calls = Coalescer(batch, shared=SHARED_FAULTS)
        found = await asyncio.gather(*(calls.call(number) for number in range(5)), return_exceptions=True)
        calls.close()
        return found

    assert {type(one) for one in asyncio.run(scene())} == {LogDiverged} and sum(map(len, runs)) == 5


def test_calls_over_the_waiting_limit_are_refused_and_the_others_answered():
    batch = Recorder()

    async def scene():
        calls = Coalescer(batch, waiting=2)
        tasks = [asyncio.create_task(calls.call(one)) for one in range(3)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        calls.close()
        return answers

    first, second, third = asyncio.run(scene())
    assert (first, second) == (0, 2)
    assert isinstance(third, Overloaded)


def test_caller_that_went_away_does_not_cancel_its_neighbours():
    batch = Recorder()
    batch.open.clear()

    async def scene():
        calls = Coalescer(batch)
        gone = asyncio.create_task(calls.call(1))
        await asyncio.sleep(0.05)
        early, late = asyncio.create_task(calls.call(2)), asyncio.create_task(calls.call(3))
        await asyncio.sleep(0.05)
        gone.cancel()
        early.cancel()
        batch.open.set()
        answer = await late
        calls.close()
        return answer

    assert asyncio.run(scene()) == 6
    assert batch.batches == [[1], [3]]


def test_batch_that_answers_too_few_is_a_fault_for_all_not_a_mix_up():
    async def scene():
        calls = Coalescer(lambda requests: [0])
        answers = await asyncio.gather(calls.call(1), calls.call(2), return_exceptions=True)
        calls.close()
        return answers

    # Alone each gets its own single answer; together the wrong count is never spread over them.
    assert asyncio.run(scene()) == [0, 0]


@pytest.mark.parametrize("size", [1, 50])
def test_coalescer_keeps_serving_after_faults(size):
    batch = Recorder(away=True)

    async def scene():
        calls = Coalescer(batch, shared=(ConnectionError,))
        await asyncio.gather(*(calls.call(one) for one in range(size)), return_exceptions=True)
        batch.away = False
        answer = await calls.call(5)
        calls.close()
        return answer

    assert asyncio.run(scene()) == 10


def test_t24_batch_that_hangs_is_given_up_by_its_caller_and_the_next_call_is_answered():
    batch = Recorder()
    batch.open.clear()

    async def scene():
        calls = Coalescer(batch, patience_s=0.05)
        with pytest.raises(TooSlow):
            await calls.call(1)
        with pytest.raises(TooSlow):
            await calls.call(2)
        batch.open.set()
        patient = Coalescer(batch)
        answer = await patient.call(3)
        patient.close()
        calls.close()
        return answer

    assert asyncio.run(scene()) == 6
    assert [1] in batch.batches and [2] not in batch.batches, "nobody waits for the second any more"
