from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import ContractBroken
from connectors.protocol import Watermark
from connectors.watermark import Highest, cut

NOW = dt.datetime(2026, 11, 21, 4, 0, tzinfo=dt.UTC)
LAG = dt.timedelta(minutes=10)
LAYOUTS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00"]


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ("2026-11-21 09:00:00", "2026-11-21 08:50:00"),
        ("2026-11-21T09:00:00", "2026-11-21T08:50:00"),
        ("2026-11-21 09:00:00.999", "2026-11-21 08:50:00"),
        ("2026-11-21T09:00:00Z", "2026-11-21T08:50:00Z"),
        ("2026-11-21 09:00:00.5+00", "2026-11-21 08:50:00+00"),
        ("2026-11-21 00:05:00+08:00", "2026-11-20 23:55:00+08:00"),
        ("2026-11-21", "2026-11-20"),
        ("42", "42"),
    ],
)
def test_cut_keeps_the_sources_layout(since, text):
    assert cut(since, LAG, source="s").text == text


@pytest.mark.parametrize("since", ["", "yesterday", "2026/11/21", "2026-11-21 09:00:00'; --", "1.5", "2026-11-21\n"])
def test_cut_of_anything_else_breaks_the_contract(since):
    with pytest.raises(ContractBroken):
        cut(since, LAG, source="s")


@settings(deadline=None)
@given(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2026, 11, 1)), st.sampled_from(LAYOUTS), st.integers(0, 120))
def test_cut_in_text_order_is_cut_in_time(moment, layout, minutes):
    """A source that holds times as text compares texts: nothing within the lag may fall before the cut."""
    since = moment.strftime(layout)
    begin = cut(since, dt.timedelta(minutes=minutes), source="s").text
    within = (moment - dt.timedelta(minutes=minutes)).strftime(layout)
    assert begin <= within <= since


def seen(start: str | None, *parts: list[str | None]) -> Watermark:
    highest = Highest(start, NOW)
    for part in parts:
        highest.see(pa.array(part, pa.string()))
    return highest.watermark()


def test_end_is_the_highest_value_of_all_batches():
    assert seen(None, ["2026-11-20 08:00:00", None], ["2026-11-20 07:00:00"]).end == "2026-11-20 08:00:00"
    assert seen(None, ["9", "10"], ["11", None]).end == "11"


def test_end_never_falls_behind_the_start():
    assert seen("2026-11-20 09:00:00", ["2026-11-20 08:55:00"]).end == "2026-11-20 09:00:00"
    assert seen("12", ["11"]).end == "12"


def test_end_is_never_later_than_the_read():
    assert seen(None, ["9999-12-31 00:00:00"]).end == "2026-11-21 12:00:00"
    assert seen(None, ["9999-12-31T00:00:00Z"]).end == "2026-11-21T04:00:00Z"
    assert seen(None, ["2026-11-21 11:59:59"]).end == "2026-11-21 11:59:59"
    assert seen(None, ["2026-99-99 00:00:00"]).end == "2026-11-21 12:00:00"


def test_end_passes_over_what_is_no_watermark():
    assert seen(None, ["zzz", "", None, "2026-11-20 08:00:00", "7"]).end == "2026-11-20 08:00:00"
    assert seen("2026-11-20 08:00:00", ["7", "8"]).end == "2026-11-20 08:00:00"
    assert seen(None, ["zzz"]).end is None
