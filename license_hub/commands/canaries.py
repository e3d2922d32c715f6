"""`hub canaries`: numbers nobody has; whoever asks about one sets off an alarm."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from license_hub.commands import session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Lake

app = typer.Typer(help="Watched numbers, which nobody has.", no_args_is_help=True)


@app.command()
def plant(
    note: Annotated[str, typer.Option(help="Where they were put, for whoever reads the alarm")] = "",
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Watch numbers read from stdin, one a line, never from an option. Prints how many are new.

    Example: hub canaries plant --note "list of 2026-11" < numbers.txt
    """
    from license_hub.service.canaries import plant as watch

    if sys.stdin.isatty():
        raise Refused("give the numbers on stdin, one a line")
    with session.hub(session.options(lake, database)) as hub:
        print(watch(hub, sys.stdin.read().split(), note))


@app.command()
def count(lake: Lake = None, database: Database = None) -> None:
    """How many are watched."""
    from license_hub.service.canaries import count as watched

    with session.hub(session.options(lake, database)) as hub:
        print(watched(hub))
