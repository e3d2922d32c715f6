"""`hub quarantine export`: rejected rows as a table, for the body that has to correct them at the source."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from license_hub.commands import session
from license_hub.commands.faults import Refused, say
from license_hub.commands.options import Lake

app = typer.Typer(help="Rows that failed a reject rule.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Rows that failed a reject rule. They hold personal data: hand them to the responsible body alone."""


@app.command()
def export(
    batch: Annotated[str, typer.Argument(help="Batch id, as in `hub batch list`")],
    output: Annotated[Path | None, typer.Option(help="File to write (mode 600, must not exist); default stdout")] = None,
    rule: Annotated[str, typer.Option(help="Only rows that failed this rule")] = "",
    sentences: Annotated[bool, typer.Option(help="Also the rules' sentences, for people")] = True,
    lake: Lake = None,
    format_: Annotated[str, typer.Option("--format", help="csv or json (one object a line)")] = "csv",
) -> None:
    """Origin, key, failed rules and the source's own values of every rejected row of a batch.

    Example: hub quarantine export population-20261121T080000-1a2b3c4d --output rejected.csv
    """
    if format_ not in ("csv", "json"):
        raise Refused(f"--format {format_} is neither csv nor json")
    from quality import quarantine

    chosen = session.options(lake)
    path, kept = quarantine_of(chosen.lake, batch), session.lake(chosen)
    wording = rule_sentences() if sentences else {}

    def rows() -> Iterator[dict[str, str]]:
        return (one for one in quarantine.rows(path, wording, kept) if not rule or rule in one["failed_rules"].split(";"))

    # Spreadsheets take UTF-8 for what it is only behind a byte order mark; JSON must not have one.
    with opened(output, "utf-8-sig" if format_ == "csv" else "utf-8") as file:
        count = quarantine.export(rows, file) if format_ == "csv" else write_json(file, rows())
    say(f"{count} row(s) of {batch}; they hold personal data")


def quarantine_of(lake: Path, batch: str) -> Path:
    """The batch's quarantine file. Raises Refused."""
    resource = batch.rsplit("-", 2)[0]
    path = lake / "quarantine" / resource / batch / "rows.parquet"
    if "/" in batch or ".." in batch or not path.is_file():
        raise Refused(f"no quarantine of batch {batch} in the lake {lake}: see `hub batch list`")
    return path


def rule_sentences() -> dict[str, str]:
    from catalogs.load import load

    return {rule.id: rule.sentence for rules in load().rules.values() for rule in rules}


@contextmanager
def opened(output: Path | None, encoding: str) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding=encoding, newline="") as file:
        yield file


def write_json(file: IO[str], rows: Iterable[dict[str, str]]) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 (the last number is the count)
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count
