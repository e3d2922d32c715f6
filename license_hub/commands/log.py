"""`hub log`: the newest checkpoint, and a full check of everything stored against the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import DAMAGE, say
from license_hub.commands.options import Database, Json, Lake

if TYPE_CHECKING:
    from license_hub.service.hub import Hub

app = typer.Typer(help="The transparency log.", no_args_is_help=True)


@app.command()
def checkpoint(
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """The newest checkpoint, verbatim: a signed note other tools can verify.

    Example: hub log checkpoint > checkpoint.txt
    """
    with session.hub(session.options(lake, database)) as hub:
        head, note = newest(hub), hub.tiles.read_checkpoint()
    if json_:
        output.emit({"log_size": head[0], "checkpoint": head[1]} if head else {"log_size": 0, "checkpoint": None})
    elif note is None:
        say("the log is empty: nothing was issued yet")
    else:
        print(note, end="")


@app.command()
def fsck(
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Read every stored byte again and compare: payloads, leaves, tiles, attestations, checkpoints. Exit 6 if anything differs.

    Example: hub log fsck --json
    """
    from license_hub.service.fsck import fsck as check

    with session.hub(session.options(lake, database)) as hub, output.watching("reading everything again"):
        report = check(hub)
    findings = [str(one) for one in report.findings]
    if json_:
        output.emit({"findings": findings, "checked": report.checked})
    else:
        output.facts("Checked", dict(report.checked))
        for finding in findings:
            print(finding)
        print(f"{len(findings)} finding(s): restore from a backup, sign nothing until then" if findings else "nothing differs")
    if findings:
        raise typer.Exit(DAMAGE)


def newest(hub: Hub) -> tuple[int, str] | None:
    """Size and root (base64) of the published checkpoint; None before the first."""
    from license_hub.log.checkpoint import parse
    from license_hub.log.note import encode

    note = hub.tiles.read_checkpoint()
    if note is None:
        return None
    head = parse(note)
    return head.size, encode(head.root)
