"""`hub desk`: what case handlers say of their pages."""

from __future__ import annotations

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, JsonLines, Lake

app = typer.Typer(help="The case handlers' pages.", no_args_is_help=True)


@app.callback()
def desk() -> None:
    """The case handlers' pages."""


@app.command()
def ratings(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """How the pages served, 1 to 5: how often, on average, and the newest words.

    Example: hub desk ratings --json
    """
    from license_hub.service.rate_page import SCORES, tallies

    with session.hub(session.options(lake, database)) as hub:
        found = tallies(hub)
    if json_:
        rows = [{"page": one.page, "scores": {str(score): one.scores.get(score, 0) for score in SCORES}, "mean": round(one.mean, 2),
                 "words": list(one.words)} for one in found]  # fmt: skip
        output.emit_lines(rows)
        return
    rows = [(one.page, *(one.scores.get(score, 0) for score in SCORES), f"{one.mean:.2f}", "; ".join(one.words)) for one in found]
    output.table("Ratings", ("page", *map(str, SCORES), "mean", "newest words"), rows)
