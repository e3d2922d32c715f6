"""`hub clients`: systems that may call the API, each with its own public key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

SCOPES = (
    "Repeatable: license:verify, license:read, license:export, license:copy, license:scan, license:recall, license:status, license:intake, "
    "license:correct, case:work, case:check"
)
Client = Annotated[str, typer.Argument(help="Client id, as printed by `hub clients add`")]
KeyFile = Annotated[Path, typer.Option(help="Public key, a JWK (Ed25519, P-256 or SM2)", exists=True, dir_okay=False)]

app = typer.Typer(help="Systems that may call the API.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the calling system, shown in the audit log")],
    key: Annotated[Path, typer.Option(help="Its public key, a JWK (Ed25519, P-256 or SM2)", exists=True, dir_okay=False)],
    scope: Annotated[list[str], typer.Option(help=SCOPES)] = ["license:verify"],  # noqa: B006 (typer copies it)
    type_: Annotated[list[str] | None, typer.Option("--type", help="Repeatable: license types it may ask for; none = all")] = None,
    organ: Annotated[str | None, typer.Option(help="Credit code of the organ it acts for (status, intake)")] = None,
    test_key: Annotated[Path | None, typer.Option(help="Its test key, another JWK: good for sample data alone", exists=True)] = None,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Register a system and print its client id. Its test client's id is the same with `test-` before it.

    Example: hub clients add counter-7 --key counter-7.jwk.json --test-key counter-7.test.jwk.json --scope license:verify
    """
    from license_hub.service.acting import at_the_command_line
    from license_hub.service.register_client import register, set_key

    jwk, tested = public_key(key), public_key(test_key) if test_key else None
    chosen = session.options(lake, database)
    who = session.operator(operator, chosen)
    with session.hub(chosen) as hub:
        client = register(hub, name, jwk, scope, type_ or sorted(hub.catalog.license_types), organ, at_the_command_line(who))
        test = set_key(hub, client.client_id, tested, test=True, operator=who) if tested else None
    if json_:
        output.emit({"client_id": client.client_id, "name": name, "scopes": scope, "test_client_id": test and test.client_id})
    else:
        print(client.client_id)


@app.command()
def desk(
    organ: Annotated[str, typer.Argument(help="Credit code of the body whose case handlers work at /desk")],
    name: Annotated[str, typer.Option(help="Name shown to holders and in the audit log")],
    scope: Annotated[list[str] | None, typer.Option(help="Repeatable; none = all that the pages do")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Repeatable: license types it may ask for; none = all")] = None,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Let a body's case handlers work: a client of that body without a key, as which its accounts of the role `handler` act.

    Again: that name, those scopes and types from now on. Prints the client id, which `hub grants give` and `disable` take.

    Example: hub clients desk 11990000000000002K --name 样例市政务服务中心窗口
    """
    from license_hub.service.desk_client import SCOPES as EVERY
    from license_hub.service.desk_client import set_up

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        kinds, who = type_ or sorted(hub.catalog.license_types), session.operator(operator, chosen)
        print(set_up(hub, organ, name, kinds, scope or EVERY, operator=who))


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
                "plain_token": one.plain_token,
                "disabled_at": one.disabled_at,
            }
            for one in clients(hub)
        ]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Clients", ("client id", "name", "kid", "scopes", "types", "plain token", "disabled"), (row.values() for row in rows))


@app.command()
def disable(
    client_id: Client,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log, so no personal data")] = "at the command line",
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Shut a system and its test client out. Tokens they still hold stop at once, on every worker."""
    from license_hub.service.acting import at_the_command_line
    from license_hub.service.register_client import disable as shut_out

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        shut_out(hub, client_id, at_the_command_line(session.operator(operator, chosen), reason))


@app.command("key")
def key_(
    client_id: Client,
    key: KeyFile,
    test: Annotated[bool, typer.Option("--test", help="Of its test client, which is made with its first key")] = False,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Replace a system's key, or give it a test key; prints the client id the key is for. The former key gives no more tokens.

    Example: hub clients key 3f2b… --key counter-7.test.jwk.json --test
    """
    from license_hub.service.register_client import set_key

    jwk = public_key(key)
    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        print(set_key(hub, client_id, jwk, test=test, operator=session.operator(operator, chosen)).client_id)


@app.command("plain-token")
def plain_token(
    client_id: Client,
    document: Annotated[str | None, typer.Option(help="Number of the approval that allows it")] = None,
    forbid: Annotated[bool, typer.Option("--forbid", help="No longer: its secret and tokens are dead at once")] = False,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Allow a system the plain token of the GB/T 36906 facade (/elicense/v1), which is bound to no key. By default none may have one."""
    from license_hub.service.client_secrets import allow_plain, forbid_plain

    if (document is None) != forbid:
        raise Refused("give either --document with the number of the approval, or --forbid")
    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        who = session.operator(operator, chosen)
        if document is None:
            forbid_plain(hub, client_id, who)
        else:
            allow_plain(hub, client_id, document, who)


@app.command()
def secret(client_id: Client, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """Print a new application secret for the GB/T 36906 facade, this once. The former one and its tokens are dead at once."""
    from license_hub.service.client_secrets import new_secret

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        print(new_secret(hub, client_id, session.operator(operator, chosen)))


def public_key(path: Path) -> dict[str, object]:
    """The JWK in that file. Raises Refused."""
    try:
        jwk = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise Refused(f"{path} is not JSON: give the public key as a JWK") from None
    if "d" in jwk:
        raise Refused(f"{path} holds a private key: give the public part alone, and make a new pair, for this one has travelled")
    return jwk
