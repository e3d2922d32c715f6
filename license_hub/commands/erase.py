"""`hub erase`: destroys what a license or all licenses of a holder say, provably and also in the lake."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused, say
from license_hub.commands.options import Database, Json, Lake, Operator

app = typer.Typer(help="Erase personal data for good.", no_args_is_help=True)

Reason = Annotated[str, typer.Option("--reason", help="Why, in a few words; no personal data")]
DocumentNo = Annotated[str, typer.Option("--document-no", help="Number of the decision that orders it")]
Organ = Annotated[str, typer.Option("--organ", help="Credit code of the organ that ordered it")]


@app.command("license")
def license_(
    identifier: Annotated[str, typer.Argument(help="License identifier of any version; all versions are erased")],
    reason: Reason,
    document_no: DocumentNo,
    organ: Organ,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Erase every version of one license. It cannot be undone; the log keeps that there was one, and why it went.

    Example: hub erase license 1.2.156.3005.2.… --reason "retention over" --document-no 样例删〔2026〕1号 --organ 11990000…
    """
    from license_hub.service.erase import Ground, erase_license

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = erase_license(hub, identifier, Ground(reason, document_no, organ), session.operator(operator, chosen))
    report(vars(done), json_)


@app.command()
def subject(
    reason: Reason,
    document_no: DocumentNo,
    organ: Organ,
    shared: Annotated[bool, typer.Option("--shared", help="Also licenses that name other holders")] = False,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Erase all licenses of a holder, and the holder's rows in the lake. The number is read from stdin: a command line is seen by others.

    Example: hub erase subject --reason "art. 47" --document-no 样例删〔2026〕2号 --organ 11990000… < number.txt
    """
    from license_hub.service.erase import Ground, erase_subject

    number = sys.stdin.readline().strip()
    if not number:
        raise Refused("no holder number on stdin")
    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = erase_subject(hub, number, Ground(reason, document_no, organ), session.operator(operator, chosen), shared=shared)
    report(vars(done), json_)


@app.command()
def reapply(lake: Lake = None, database: Database = None, operator: Operator = "", json_: Json = False) -> None:
    """After a restore of database or lake: erase again what the log says was erased. Safe at any time.

    Example: hub erase reapply --json
    """
    from license_hub.service.reapply import reapply as again

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = again(hub, session.operator(operator, chosen))
    report(vars(done), json_)


def report(done: dict, json_: bool) -> None:
    if json_:
        output.emit(done)
        return
    output.facts("Erased", done)
    if done["kept_shared"]:
        say(f"{done['kept_shared']} license(s) name other holders too and were left alone; --shared erases them for all")
