"""`hub gx docs`: what every rule found, as Great Expectations' own pages."""

from __future__ import annotations

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, Json, Lake

app = typer.Typer(help="Great Expectations' record of the quality runs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Suites and results under `<lake>/gx`, open with Great Expectations' own API. Counts only, nothing of any row."""


@app.command()
def docs(lake: Lake = None, database: Database = None, json_: Json = False) -> None:
    """Store the runs not stored yet and build all pages anew; they need no network. Prints the index page to open in a browser.

    Example: hub gx docs
    """
    from quality import gx, gx_runs

    gx.library()
    from quality import gx_docs

    with session.hub(session.options(lake, database)) as hub:
        stored = [batch for one in hub.catalog.resources for batch in gx_runs.store_new(hub.engine, hub.lake, hub.catalog, one)]
        page = gx_docs.build(hub.lake / gx_runs.FOLDER)
    done = {"stored": len(stored), "page": str(page)}
    if json_:
        output.emit(done)
    else:
        output.facts("Built", done)
