"""`hub restore`: a backup's files in their places, then what the log holds beyond them."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import say
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

app = typer.Typer(help="Bring a hub back from a backup: docs/operations.md.", no_args_is_help=True)


@app.command("lay-out")
def lay_out(
    backup: Annotated[Path, typer.Argument(help="A folder `hub backup make` made", exists=True, file_okay=False)],
    data: Annotated[Path, typer.Option(help="PostgreSQL's new data directory, or the SQLite file")],
    wal: Annotated[Path | None, typer.Option(help="Archive of the write-ahead log", exists=True, file_okay=False)] = None,
    to: Annotated[str, typer.Option("--to", help="A name of `hub backup point`, or an instant 2026-11-22T03:00:00Z; default the end")] = "",
    lake: Lake = None,
) -> None:
    """Check a backup and lay it out; PostgreSQL is then started as always. Run it as the user PostgreSQL runs as.

    Example: hub restore lay-out /backup/hub-20261122T030000 --data /var/lib/postgresql/data --wal /archive
    """
    from license_hub.service import back_up

    chosen = session.options(lake)
    found = back_up.lay_out(backup, data=data, lake=chosen.lake, wal=wal, point=to)
    say(f"laid out the backup of {found['made_at']} ({found['entries']} entries); start the database, then run: hub restore replay")


@app.command()
def replay(
    source: Annotated[str, typer.Option("--from", help="Where the newest log is: a folder or https://…/log; default the lake's own")] = "",
    manifest: Annotated[
        Path | None,
        typer.Option(help="The newest key manifest the root signed; default the one kept beside the log", exists=True, dir_okay=False),
    ] = None,
    lake: Lake = None,
    database: Database = None,
    operator: Operator = "",
    json_: Json = False,
) -> None:
    """Bring a restored database up to the log: revocations, erasures and fallen keys count again, entries are never given out twice,
    what was lost is listed.

    Example: hub restore replay --from https://mirror.example/log --manifest manifest-41.note --json
    """
    from license_hub.log.copy import fetch_log
    from license_hub.log.tiles import TileStore
    from license_hub.service.recover import recover

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub, tempfile.TemporaryDirectory(prefix="hub-log-") as fresh, output.watching("replaying the log"):
        if source.startswith(("https://", "http://")):
            log = fetch_log(source.rstrip("/"), Path(fresh))
        else:
            log = TileStore(Path(source)) if source else hub.tiles
        done = recover(hub, log, session.operator(operator, chosen), manifest=manifest.read_text("utf-8") if manifest else None)
    shown = {name: value for name, value in asdict(done).items() if name != "lost"} | {"lost": len(done.lost)}
    if json_:
        output.emit(shown)
    else:
        output.facts("Replayed", shown)
    unknown = sum(1 for one in done.lost if one.kind == "key")
    if unknown:
        say(f"{unknown} change(s) of keys are not in any manifest here: keys of tokens were replaced; declare what else fell once more")
    if done.lost:
        say(f"{len(done.lost)} entries have lost their content with the old database: hub restore lost")


@app.command()
def lost(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """Every entry whose content restores have lost, by its leaf id: its bundle, where somebody holds it, names the same id.

    Example: hub restore lost --json
    """
    from license_hub.service.recover import lost_entries

    with session.hub(session.options(lake, database)) as hub:
        rows = [asdict(one) for one in lost_entries(hub)]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Lost", ("entry", "kind", "leaf id", "at", "about", "status"), (row.values() for row in rows))
