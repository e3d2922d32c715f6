"""`hub log`: the newest checkpoint, and a full check of everything stored against the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import DAMAGE, say
from license_hub.commands.options import Database, Json, Lake

if TYPE_CHECKING:
    from license_hub.service.hub import Hub
    from license_hub.service.logs import Log

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
def vkey(
    audit: Annotated[bool, typer.Option("--audit", help="Of the log of audit entries")] = False,
    lake: Lake = None,
    database: Database = None,
) -> None:
    """The log's verifier keys, one a line: hand them to witnesses and verifiers in person. Compromised ones are left out.

    Example: hub log vkey
    """
    from license_hub.log.note import NoteKey

    with session.hub(session.options(lake, database)) as hub:
        origin = _log(hub, audit).origin
        for one in hub.security.keys("checkpoint"):
            if not one.compromised:
                print(NoteKey(origin, one.alg, one.public).text)


@app.command()
def attend(
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """One round over both logs: integrate what is committed, sign, ask every witness. A running server does this by itself.

    Tells which witness contradicts: it saw another history, or more of it. Exit 1 if no quorum says otherwise.
    Keep its checkpoint and ours, and call for a person.

    Example: hub log attend
    """
    from license_hub.service.integrate import attend as round_
    from license_hub.service.logs import audit, licenses
    from license_hub.service.witnessing import unwitnessed_since

    with session.hub(session.options(lake, database)) as hub:
        done = round_(hub, everyone=True)
        shown = [
            {
                "origin": one.origin,
                "size": done[one.origin].size,
                "unwitnessed_since": unwitnessed_since(hub, one),
                "contradictions": [said for (origin, _), said in hub.contradictions.items() if origin == one.origin],
            }
            for one in (licenses(hub), audit(hub))
        ]
    if json_:
        output.emit_lines(shown)
    else:
        rows = [(*list(one.values())[:3], "; ".join(one["contradictions"]) or "none") for one in shown]
        output.table("Logs", ("origin", "size", "unwitnessed since", "contradictions"), rows)


@app.command()
def rebuild(
    audit: Annotated[bool, typer.Option("--audit", help="The log of audit entries")] = False,
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Write missing or damaged tiles again from the leaf rows. Refused unless those rows give the root that was signed last.

    For a flipped bit or a lost folder: nothing is signed until the stored tiles are right again. Exit 1 where rows differ too: then
    restore the database first.

    Example: hub log rebuild
    """
    from license_hub.service.rebuild_tiles import rebuild_tiles

    with session.hub(session.options(lake, database)) as hub:
        changed = rebuild_tiles(hub, _log(hub, audit))
    print(f"{changed} file(s) written")


def _log(hub: Hub, audit: bool) -> Log:
    from license_hub.service import logs

    return logs.audit(hub) if audit else logs.licenses(hub)


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
