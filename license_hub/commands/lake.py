"""`hub lake`: what leaves the lake by age, and the key its files are encrypted under."""

from __future__ import annotations

from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, Json, Lake

app = typer.Typer(help="The lake's files.", no_args_is_help=True)


@app.command()
def expire(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go")] = False,
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Remove rows of batches older than their resource's retention_days. Heads, what the hub has not applied yet and
    rows of tickets that are open, or were closed more lately than that, stay.

    Example: hub lake expire --dry-run
    """
    import sqlalchemy as sa

    from license_hub.service.loose_files import drop_loose
    from license_hub.storage.tables import mark
    from quality.retention import expire as expire_batches

    with session.hub(session.options(lake, database)) as hub:
        with hub.engine.connect() as connection:
            applied = {row.resource: row.number for row in connection.execute(sa.select(mark))}
        done = vars(expire_batches(hub.lake, hub.catalog, hub.engine, applied, now=session.now(), dry=dry_run))
        done["attachments"] = 0 if dry_run else drop_loose(hub)
    if json_:
        output.emit(done | {"dry_run": dry_run})
    else:
        output.facts("Would expire" if dry_run else "Expired", done)


@app.command()
def reencrypt(lake: Lake = None, json_: Json = False) -> None:
    """Bring every file under the current data key: after `hub data-keys rotate lake`, or to encrypt what an older lake holds.

    Example: hub lake reencrypt
    """
    from quality.reencrypt import reencrypt as move

    done = move(session.lake(session.options(lake)))
    if json_:
        output.emit({"files": done})
    else:
        print(f"{done} file(s) brought under the current data key")
