"""Results on stdout: JSON (`--json`) or a table for people; progress on stderr, and only where somebody watches."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

PIPED_WIDTH = 200


def emit(value: object) -> None:
    """One JSON object on one line of stdout."""
    print(json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str), flush=True)


def emit_lines(values: Iterable[object]) -> None:
    """One JSON object a line: the form of every list."""
    for value in values:
        emit(value)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; markup in the data stays text. The first column, which is copied into the next command, is not broken."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        drawn.add_column(column, overflow="fold", no_wrap=place == 0)
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    # In a file or a pipe there is no width to keep to.
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(drawn)


def facts(title: str, values: Mapping[str, object]) -> None:
    """Names and values below each other."""
    table(title, ("", ""), values.items())


def balance(title: str, report: Mapping[str, object]) -> None:
    """A batch's report as two tables: the balance, then the rules that failed."""
    plain = {name: {True: "yes", False: "no"}[one] if isinstance(one, bool) else one for name, one in report.items() if name != "rules"}
    plain["seconds"] = ", ".join(f"{stage} {seconds}" for stage, seconds in report["seconds"].items())
    facts(title, plain)
    failed = [(rule, one["severity"], one["failed"]) for rule, one in report["rules"].items() if one["failed"]]
    table("Rules that failed", ("rule", "severity", "rows"), failed)


def watching(what: str) -> Status:
    """A spinner on stderr while something runs; nothing where stderr is not a terminal."""
    from rich.console import Console

    return Console(stderr=True).status(what)
