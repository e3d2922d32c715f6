"""Logs: one JSON object a line on stderr, nothing personal in it.

- C0, C1, bidi and line-separator characters are escaped, so one event is one line and reads as it was written (T31).
- Runs of 15 or more digits/capitals (citizen numbers, credit codes, identifiers) are masked wherever they turn up (T30);
  ids of ours (lower-case hex, batch ids with their time) pass.
- A traceback is written as file, line and function of each frame: never values, never the message of an unknown exception.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
PERSONAL = re.compile(r"(?<![0-9A-Za-z])(?!\d{8}T\d{6}(?!\d))[0-9A-Z]{2}[0-9A-Z.]{11,}[0-9A-Z]{2}(?![0-9A-Za-z])")
STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName", "color_message"}


def clean(text: str) -> str:
    """`text` with long codes masked and unsafe characters spelt out by their code points."""
    return UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", PERSONAL.sub(_mask, text))


def _mask(found: re.Match[str]) -> str:
    text = found.group()
    digits = sum(one.isdigit() for one in text)
    return f"{text[:2]}***{text[-2:]}" if digits >= 6 else text


def _value(value: object) -> object:
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    return clean(str(value))


class JsonLines(logging.Formatter):
    """`{"at","level","logger","event", "request_id"?, …extra}`; extra values are cleaned like the event."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": clean(record.getMessage()),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line |= {name: _value(value) for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info and record.exc_info[1]:
            line["fault"] = type(record.exc_info[1]).__name__
            line["where"] = frames(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def frames(fault: BaseException, most: int = 12) -> list[str]:
    """The innermost frames as `file:line function`, without values."""
    found = traceback.extract_tb(fault.__traceback__)[-most:]
    return [f"{one.filename.rsplit('/', 1)[-1]}:{one.lineno} {one.name}" for one in found]


class PlainLines(logging.Formatter):
    """`level: event`, cleaned the same way: for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {clean(record.getMessage())}"


def set_up(level: str = "INFO", *, people: bool = False) -> None:
    """Make every logger of the process write lines to stderr, JSON unless for `people`. Called by composition roots alone."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines() if people else JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
