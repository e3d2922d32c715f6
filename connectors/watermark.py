"""Where an increment begins and where the next one will.

- A timestamp watermark re-reads the declared lag behind the last end: a row that got its timestamp before, but was committed
  after, the last read is then seen. An integer watermark (a sequence) has no lag; it is read from the last end on.
- The end is the highest value seen, but never later than the read itself: one row dated 2099 must not hide all that follow.
- A timestamp without a zone is Asia/Shanghai; its layout (`T` or space, zone or none) is kept for sources that hold text.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import ContractBroken
from connectors.protocol import Watermark

_SHANGHAI = ZoneInfo("Asia/Shanghai")
_ISO = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?"
_INTEGER = r"-?\d{1,18}"
_ZONE = re.compile(r"(?<=:\d\d)(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)?$")


@dataclass(frozen=True)
class Cut:
    """Rows from here on are read. `text` is in the source's own layout."""

    value: dt.datetime | int
    text: str


def cut(since: str, lag: dt.timedelta, *, source: str) -> Cut:
    """Raises ContractBroken if `since` is neither an integer nor an ISO timestamp."""
    if re.fullmatch(_INTEGER, since):
        return Cut(int(since), since)
    try:
        begin = dt.datetime.fromisoformat(since if re.fullmatch(_ISO, since) else "").replace(microsecond=0) - lag
    except ValueError:
        raise ContractBroken(
            "the watermark is neither an integer nor an ISO timestamp", source=source, hint="give --since, or land the whole"
        ) from None
    return Cut(begin, _like(begin, since))


class Highest:
    """Keeps the end of an increment while its batches pass."""

    def __init__(self, start: str | None, now: dt.datetime):
        self._start, self._now = start, now
        self._end = start

    def see(self, values: pa.Array) -> None:
        """Values of the watermark column; what is neither integer nor ISO timestamp is passed over."""
        integers = _matching(values, _INTEGER)
        times = _matching(values, _ISO)
        counting = len(integers) > len(times) if self._end is None else re.fullmatch(_INTEGER, self._end) is not None
        if counting and len(integers):
            self._raise(str(pc.max(pc.cast(integers, pa.int64())).as_py()), int)
        elif not counting and len(times):
            self._raise(self._not_future(pc.max(times).as_py()), str)

    def watermark(self) -> Watermark:
        return Watermark(self._start, self._end)

    def _raise(self, seen: str, order: type) -> None:
        if self._end is None or order(seen) > order(self._end):
            self._end = seen

    def _not_future(self, seen: str) -> str:
        try:
            value = dt.datetime.fromisoformat(seen)
        except ValueError:
            # The form of a timestamp, but no such day.
            return _like(self._now.astimezone(_SHANGHAI), seen)
        aware = value if value.tzinfo else value.replace(tzinfo=_SHANGHAI)
        if aware <= self._now:
            return seen
        return _like(self._now.astimezone(aware.tzinfo), seen)


def _matching(values: pa.Array, form: str) -> pa.Array:
    r"""Values of that form as a whole. `\z` and not `$`: Arrow's expressions are RE2."""
    return values.filter(pc.match_substring_regex(values, rf"\A(?:{form})\z").fill_null(False))


def _like(value: dt.datetime, model: str) -> str:
    """The time in the model's layout, to whole seconds."""
    if len(model) == len("2026-01-01"):
        return f"{value:%Y-%m-%d}"
    zone = _ZONE.search(model)
    return f"{value:%Y-%m-%d}{model[10]}{value:%H:%M:%S}" + (zone[2] or "" if zone else "")
