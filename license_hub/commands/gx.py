"""`hub gx docs`: what every rule found, as Great Expectations' own pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from license_hub.commands import output as told
from license_hub.commands import session
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
        told.emit(done)
    else:
        told.facts("Built", done)


@app.command()
def sample(
    batch: Annotated[str, typer.Argument(help="Batch id, as in `hub batch list`")],
    output: Annotated[Path, typer.Option(help="Parquet file to write (mode 600, must not exist)")],
    rows: Annotated[int, typer.Option(min=1, help="How many rows, drawn at random")] = 1_000,
    lake: Lake = None,
    json_: Json = False,
) -> None:
    """Cleaned rows of a landed batch, to run its suite the plain Great Expectations way (docs/great-expectations.md).

    They hold personal data: delete the file when done. Example: hub gx sample population-20261121T080000-1a2b3c4d --output rows.parquet
    """
    import pyarrow.parquet as pq

    from catalogs.load import load
    from connectors.landing import read_batch
    from quality.gx_sample import sample as draw

    opened, resource = session.lake(session.options(lake)), batch.rsplit("-", 2)[0]
    drawn = draw(read_batch(opened, resource, batch), load(), opened, rows)
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        pq.write_table(drawn.rows, file)
    done = {"rows": drawn.rows.num_rows, "as_of": drawn.as_of.isoformat(), "partition": drawn.partition or "", "file": str(output)}
    if json_:
        told.emit(done)
    else:
        told.facts("Drawn", done)
