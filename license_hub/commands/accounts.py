"""`hub accounts`: people who sign in to the staff pages with a password kept here, given at a prompt or on stdin, never as an option."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, JsonLines, Lake, Operator

app = typer.Typer(help="People who sign in to the staff pages.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="What the person signs in as: a-z 0-9 . _ @ -")]
Role = Annotated[
    list[str],
    typer.Option(help="Repeatable: quality, supervisor; or one alone: body or handler (with --body), system, security, auditor"),
]
Body = Annotated[str | None, typer.Option(help="Credit code of the body whose staff the person is")]


@app.command()
def add(
    account: Account,
    name: Annotated[str, typer.Option(help="The person's name, shown on pages")],
    role: Role,
    body: Body = None,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
) -> None:
    """A new account. Asks for its password, or takes one line of stdin.

    Example: hub accounts add zhang.san --name 张三 --role quality
    """
    from license_hub.service import keep_accounts

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        keep_accounts.check(hub.catalog, account, name, role, body)
        keep_accounts.add(hub, account, name, role, body, asked(), operator=session.operator(operator, chosen))


@app.command("list")
def list_(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """Every account, those of the identity provider too; no passwords."""
    from license_hub.service.keep_accounts import accounts

    with session.hub(session.options(lake, database)) as hub:
        rows = [
            {
                "account": one.account,
                "name": one.name,
                "roles": sorted(one.roles),
                "body": one.body,
                "local": one.local,
                "created_at": one.created_at,
                "disabled_at": one.disabled_at,
            }
            for one in accounts(hub)
        ]
    if json_:
        output.emit_lines(rows)
    else:
        shown = ([" ".join(cell) if isinstance(cell, list) else cell for cell in row.values()] for row in rows)
        output.table("Accounts", ("account", "name", "roles", "body", "local", "created", "disabled"), shown)


@app.command()
def disable(account: Account, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """Shut a person out. Their sessions end at once, on every worker."""
    from license_hub.service import keep_accounts

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        keep_accounts.disable(hub, account, operator=session.operator(operator, chosen))


@app.command()
def password(account: Account, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """A new password, asked for or one line of stdin. Ends the person's sessions."""
    from license_hub.service import keep_accounts

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        keep_accounts.set_password(hub, account, asked(), operator=session.operator(operator, chosen))


@app.command()
def roles(account: Account, role: Role, body: Body = None, operator: Operator = "", lake: Lake = None, database: Database = None) -> None:
    """Other roles from now on; those not named are gone. Ends the person's sessions.

    Example: hub accounts roles li.si --role supervisor --role quality
    """
    from license_hub.service import keep_accounts

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        keep_accounts.set_roles(hub, account, role, body, operator=session.operator(operator, chosen))


def asked() -> str:
    """The password: typed twice where somebody types, else one line of stdin. Raises Refused if there is none."""
    if sys.stdin.isatty():
        return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Refused("no password: type it, or give it as one line of stdin")
    return line
