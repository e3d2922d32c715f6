"""T10: whether somebody has a certificate is not to be learnt from how an answer to a stranger is made, nor from how long it takes."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.service.verify import VerifyRequest, verify
from tests.license_hub.sample_hub import credit_code, sample_hub, wall_clock

STRANGER = credit_code(2030)


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog):
    made = sample_hub(tmp_path_factory.mktemp("timing"), catalog, None, wall_clock)
    yield made
    made.close()


def ask(hub: Hub, number: int) -> tuple[str, float]:
    """(code, seconds) of a stranger's question about that certificate."""
    asked = VerifyRequest(type_id="business_license", number=credit_code(number), holder_number=STRANGER, actor="c", purpose="p")
    start = time.perf_counter()
    [answer] = verify(hub, [asked])
    return answer.verdict.code, time.perf_counter() - start


def superiority(first: list[float], second: list[float]) -> float:
    """How often a value of the first is greater than one of the second (Mann-Whitney U / nm); 0.5: they cannot be told apart."""
    known = np.sort(second)
    below, upto = (np.searchsorted(known, first, side) for side in ("left", "right"))
    return float((below + upto).sum() / 2 / (len(first) * len(second)))


def test_superiority_is_a_half_of_equals_and_tells_a_shift():
    draw = np.random.default_rng(1)
    one, two = draw.normal(size=2000), draw.normal(size=2000)
    assert abs(superiority(list(one), list(two)) - 0.5) < 0.03 and superiority(list(one + 0.6), list(two)) > 0.6
    assert superiority([1.0, 2.0], [1.0, 2.0]) == 0.5 and superiority([3.0], [1.0]) == 1.0


def test_t10_unknown_and_foreign_holders_take_the_same_statements(hub):
    said: list[str] = []
    ask(hub, 2000), ask(hub, 700_001)
    sa.event.listen(hub.engine, "before_cursor_execute", lambda _c, _u, statement, *_: said.append(statement))
    listed = []
    for number in (2001, 700_002, 2002, 700_003):
        said.clear()
        assert ask(hub, number)[0] == "NOT_FOUND"
        listed.append(tuple(said))
    assert len(set(listed)) == 1 and len(listed[0]) > 5


@pytest.mark.parametrize(("pairs", "most"), [(600, 0.075), pytest.param(10_000, 0.02, marks=pytest.mark.nightly)], ids=["600", "10000"])
def test_t10_times_for_unknown_and_foreign_holders_cannot_be_told_apart(hub, pairs, most, record_property):
    """`most` is more than four standard deviations of the statistic where there is no difference (1 / √(6 pairs))."""
    draw, taken = random.Random(pairs), {"foreign": [], "unknown": []}
    for number in range(50):
        ask(hub, 2000 + number % 20), ask(hub, 600_000 + number)
    for number in range(pairs):
        asked = [("foreign", 2000 + number % 20), ("unknown", 700_000 + number)]
        draw.shuffle(asked)
        for kind, one in asked:
            code, seconds = ask(hub, one)
            taken[kind].append(seconds)
            assert code == "NOT_FOUND"
    found = superiority(taken["foreign"], taken["unknown"])
    z = (found - 0.5) * (6 * pairs) ** 0.5
    told = {kind: round(1e6 * float(np.median(values))) for kind, values in taken.items()}
    record_property("t10", {"pairs": pairs, "superiority": round(found, 4), "z": round(z, 2), "median_us": told})
    assert abs(found - 0.5) < most
