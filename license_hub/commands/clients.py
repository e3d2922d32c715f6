"""`hub clients`: systems that may call the API, each with its own public key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Json, JsonLines, Lake

SCOPES = (
    "Repeatable: license:verify, license:read, license:export, license:recall, license:status, license:intake, license:correct, case:work, "
    "case:check"
)

app = typer.Typer(help="Systems that may call the API.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the calling system, shown in the audit log")],
    key: Annotated[Path, typer.Option(help="Its public key, a JWK (Ed25519, P-256 or SM2)", exists=True, dir_okay=False)],
    scope: Annotated[list[str], typer.Option(help=SCOPES)] = ["license:verify"],  # noqa: B006 (typer copies it)
    type_: Annotated[list[str] | None, typer.Option("--type", help="Repeatable: license types it may ask for; none = all")] = None,
    organ: Annotated[str | None, typer.Option(help="Credit code of the organ it acts for (status, intake)")] = None,
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Register a system and print its client id.

    Example: hub clients add counter-7 --key counter-7.jwk.json --scope license:verify --type business_license
    """
    from license_hub.service.register_client import register

    try:
        jwk = json.loads(key.read_text("utf-8"))
    except ValueError:
        raise Refused(f"{key} is not JSON: give the public key as a JWK") from None
    if "d" in jwk:
        raise Refused(f"{key} holds a private key: give the public part alone, and make a new pair, for this one has travelled")
    with session.hub(session.options(lake, database)) as hub:
        client = register(hub, name, jwk, scope, type_ or sorted(hub.catalog.license_types), organ)
    if json_:
        output.emit({"client_id": client.client_id, "name": name, "scopes": scope})
    else:
        print(client.client_id)


@app.command("list")
def list_(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """Every registered system."""
    from license_hub.service.register_client import clients

    with session.hub(session.options(lake, database)) as hub:
        rows = [
            {
                "client_id": one.client_id,
                "name": one.name,
                "kid": one.kid,
                "scopes": list(one.scopes),
                "types": list(one.types),
                "disabled_at": one.disabled_at,
            }
            for one in clients(hub)
        ]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Clients", ("client id", "name", "kid", "scopes", "types", "disabled"), (row.values() for row in rows))


@app.command()
def disable(
    client_id: Annotated[str, typer.Argument(help="As printed by `hub clients add`")],
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Shut a system out. Tokens it still holds stop at once, on every worker."""
    from license_hub.service.register_client import disable as shut_out

    with session.hub(session.options(lake, database)) as hub:
        shut_out(hub, client_id)
