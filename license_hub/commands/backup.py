"""`hub backup`: a backup of database and log, a named moment, the archive of the write-ahead log."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused, say
from license_hub.commands.options import Database, Json, Lake

app = typer.Typer(help="Backups of database and log. Keys are backed up apart: docs/operations.md.", no_args_is_help=True)


@app.command()
def make(
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; a new folder hub-<time> is made there")],
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Copy the database and the log's tiles while the hub goes on working. HUB_KEYS is not in it.

    Example: hub backup make /backup --json
    """
    from license_hub.service.back_up import back_up

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub, output.watching("copying"):
        made = asdict(back_up(hub, folder, url=chosen.database_url, programs=chosen.pg_bin))
    if json_:
        output.emit(made)
    else:
        output.facts("Backup", made)


@app.command()
def point(
    name: Annotated[str, typer.Argument(help="A name for this moment, e.g. before-upgrade")],
    database: Database = None,
) -> None:
    """Give this moment a name to which `hub restore lay-out --to` can go (PostgreSQL with an archive).

    Example: hub backup point before-upgrade
    """
    from license_hub.storage.backup import restore_point

    with session.hub(session.options(None, database)) as hub:
        if hub.engine.dialect.name != "postgresql":
            raise Refused("SQLite has no archive: make a backup instead")
        restore_point(hub.engine, name)
    say(f"{name}: this moment can be restored as long as the archive reaches from a backup to here")


@app.command()
def wal(
    folder: Annotated[Path, typer.Argument(help="The archive; on another machine's disk")],
    database: Database = None,
) -> None:
    """Fetch the write-ahead log as it is written, until Ctrl-C (PostgreSQL). Run it as a service.

    With `synchronous_standby_names = 'hub_wal'` on the server no commit is answered before it is in the archive: nothing
    acknowledged can be lost with the server. Without it the last moments can.

    Example: hub backup wal /archive
    """
    from license_hub.storage.backup import archiver, make_slot

    chosen = session.options(None, database)
    with session.hub(chosen) as hub:
        if hub.engine.dialect.name != "postgresql":
            raise Refused("SQLite has no write-ahead log to archive: make backups more often")
        make_slot(hub.engine)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    command, environment = archiver(chosen.database_url, folder, chosen.pg_bin)
    process = subprocess.Popen(command, env={"LC_ALL": "C", **environment})  # noqa: S603 (our own words)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        code = 0 if process.wait() in (0, 1) else 1
    raise typer.Exit(1 if code else 0)
