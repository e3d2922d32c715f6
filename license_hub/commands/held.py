"""`hub held`: corrections that came through a ticket and wait for the organ that issues their licenses."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

if TYPE_CHECKING:
    from license_hub.service.hub import Hub

app = typer.Typer(help="Corrections of a ticket that wait for the issuing organ's word.", no_args_is_help=True)

LISTED = ("number", "resource", "type_id", "organ", "rows", "changes", "refused", "since")
LINKED = ("identifier", "number", "row")
Number = Annotated[int, typer.Argument(help="Number of the ticket: `hub held list`")]
Organ = Annotated[str, typer.Option(help="Credit code of the organ that issues the licenses")]


@app.command("list")
def list_(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """What waits, by ticket and issuing organ: rows, and how many of them change a license there is.

    Example: hub held list
    """
    from license_hub.service.issued_of import waiting

    with session.hub(session.options(lake, database)) as hub:
        rows = [asdict(one) for one in waiting(hub)]
    output.emit_lines(rows) if json_ else output.table("On hold", LISTED, ([one[name] for name in LISTED] for one in rows))


@app.command()
def confirm(
    ticket: Number, organ: Organ, operator: Operator = "", lake: Lake = None, database: Database = None, json_: Json = False
) -> None:
    """Issue the held rows of a ticket, all in one act, as the organ's word. Rows that fail again stay on hold. Safe to run again.

    Example: hub held confirm 12 --organ 11990100…
    """
    from license_hub.service.confirm_held import confirm as say_yes

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = asdict(say_yes(hub, _ticket(hub, ticket), organ, "cli:" + session.operator(operator, chosen)))
    output.emit(done) if json_ else output.facts("Confirmed", done)


@app.command()
def refuse(
    ticket: Number,
    organ: Organ,
    reason: Annotated[str, typer.Option(help="Why the organ does not stand behind the corrections; shown with the ticket")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Keep the held rows of a ticket on hold: licenses stay as they are until the source delivers something else.

    Example: hub held refuse 12 --organ 11990100… --reason "the archive says otherwise"
    """
    from license_hub.service.confirm_held import refuse as say_no

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = asdict(say_no(hub, _ticket(hub, ticket), organ, "cli:" + session.operator(operator, chosen), reason))
    output.emit(done) if json_ else output.facts("Refused", done)


@app.command()
def issued(
    ticket: Annotated[int | None, typer.Option(help="Versions issued for the rows of this ticket")] = None,
    identifier: Annotated[str, typer.Option(help="Ticket rows for which versions of this license were issued")] = "",
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """From a ticket to what was issued for it, and from a license to its tickets.

    Example: hub held issued --ticket 12
    """
    from license_hub.service.issued_of import corrections_of, issued_for

    if (ticket is None) == (not identifier):
        raise Refused("give one of --ticket and --identifier")
    with session.hub(session.options(lake, database)) as hub:
        found = corrections_of(hub, identifier) if identifier else issued_for(hub, _ticket(hub, ticket))
        rows = [asdict(one) for one in found]
    output.emit_lines(rows) if json_ else output.table("Issued for tickets", LINKED, ([one[name] for name in LINKED] for one in rows))


def _ticket(hub: Hub, number: int) -> str:
    """The id of the ticket of that number. Raises Refused."""
    from license_hub.storage.engine import reading
    from quality.corrected import numbered

    with reading(hub.engine) as connection:
        found = numbered(connection, number)
    if found is None:
        raise Refused(f"there is no ticket {number}: see `hub held list`")
    return found
