"""`hub grants`: which calling system may use which licenses for which matter, until when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

app = typer.Typer(help="Use grants: client × license type × matter; what none allows is refused.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="As printed by `hub grants list`")]


@app.command("list")
def list_(
    client: Annotated[str | None, typer.Option(help="Of this client alone")] = None,
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """Every grant with its standing: in_force, suspended, ended or expired."""
    from license_hub.service.keep_grants import grants
    from license_hub.signing.commitment import instant

    with session.hub(session.options(lake, database)) as hub:
        now = instant(hub.now())
        rows = [shown(one, now) for one in grants(hub, client)]
    if json_:
        output.emit_lines(rows)
    else:
        heads = ("grant", "client id", "type", "purpose", "document", "given by", "valid until", "standing")
        output.table("Use grants", heads, (row.values() for row in rows))


@app.command()
def give(
    client: Annotated[str, typer.Argument(help="Client id, as printed by `hub clients list`")],
    type_: Annotated[list[str], typer.Option("--type", help="Repeatable: license type, or resource whose rows are shared")],
    purpose: Annotated[list[str], typer.Option(help="Repeatable: id of a matter")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day, at most three years ahead")],
    document: Annotated[str, typer.Option(help="Number of the approval")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Allow a system to use each of those types for each of those matters. A former grant of the same three is replaced.

    Example: hub grants give 3f2b… --type business_license --purpose food_permit_new --until 2027-11-30 --document 政数〔2026〕18号
    """
    from license_hub.service.keep_grants import give as allow
    from license_hub.signing.commitment import instant

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        day: date = until.date()
        who = session.operator(operator, chosen)
        made = [allow(hub, client, kind, one, day, document, who) for kind in type_ for one in purpose]
        rows = [shown(one, instant(hub.now())) for one in made]
    if json_:
        output.emit({"grants": rows})
    else:
        print("\n".join(str(row["grant"]) for row in rows))


@app.command()
def suspend(grant: Number, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """Stop a grant until it is resumed: from the next call on, everything under it is refused."""
    _act(grant, operator, lake, database, "suspend")


@app.command()
def resume(grant: Number, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """Let a suspended grant count again."""
    _act(grant, operator, lake, database, "resume")


@app.command()
def end(grant: Number, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """End a grant for good."""
    _act(grant, operator, lake, database, "end")


def _act(grant: int, operator: str, lake: Lake, database: Database, what: str) -> None:
    from license_hub.service import keep_grants

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        who = session.operator(operator, chosen)
        if what == "end":
            keep_grants.end(hub, grant, who)
        else:
            keep_grants.suspend(hub, grant, who, again=what == "resume")


def shown(grant: object, now: str) -> dict[str, object]:
    """A grant as lists print it."""
    names = ("client_id", "type_id", "purpose", "document_no", "given_by", "valid_until")
    return {"grant": grant.grant_id} | {name: getattr(grant, name) for name in names} | {"standing": grant.standing(now)}
