"""`hub cases`: what became of materials on cases, in counts."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict, fields
from datetime import datetime
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, JsonLines, Lake

app = typer.Typer(help="Cases in counts; nobody's name or number.", no_args_is_help=True)


@app.callback()
def cases() -> None:
    """Cases in counts; nobody's name or number."""


@app.command()
def submissions(
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the decisions, in Shanghai")],
    to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, counted in")],
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
    csv_: Annotated[bool, typer.Option("--csv", help="As CSV, UTF-8")] = False,
) -> None:
    """Materials that a government body issued and that were handed in all the same: matter, material, issuing body, reason, how often.

    A case counts with its last decision in the period.

    Example: hub cases submissions --from 2026-11-01 --to 2026-11-30 --csv
    """
    from license_hub.service.report_submissions import Submitted
    from license_hub.service.report_submissions import submissions as counted

    if json_ and csv_:
        raise typer.BadParameter("--json or --csv, not both")
    if to < from_:
        raise typer.BadParameter("--to: a day from --from on")
    with session.hub(session.options(lake, database)) as hub:
        rows = [asdict(one) for one in counted(hub, from_.date(), to.date())]
    names = [one.name for one in fields(Submitted)]
    if json_:
        output.emit_lines(rows)
    elif csv_:
        table = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    else:
        output.table("Handed in though a government body issued it", names, (row.values() for row in rows))
