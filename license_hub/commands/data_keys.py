"""`hub data-keys`: the keys that encrypt what is stored, and the key that wraps them."""

from __future__ import annotations

from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

app = typer.Typer(help="Keys of what is stored.", no_args_is_help=True)


@app.command("list")
def list_(json_: JsonLines = False) -> None:
    """Every data key with its kid and the KEK that wraps it. Keys themselves are never shown.

    Example: hub data-keys list
    """
    from license_hub.service.at_rest import open_keys

    rows = open_keys(session.options()).shown()
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Data keys", ("name", "number", "kid", "kek", "current"), (row.values() for row in rows))


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="columns, index or lake")],
    lake: Lake = None,
    database: Database = None,
    operator: Operator = "",
    json_: Json = False,
) -> None:
    """Make another key and use it for what is new; who runs notices a new `columns` or `index` key. Then move what is stored.

    columns, index → hub data-keys rekey; lake → hub lake reencrypt.

    Example: hub data-keys rotate columns
    """
    from license_hub.service.rotate_data_key import rotate as act
    from license_hub.signing.datakeys import ROTATED

    if name not in ROTATED:
        raise Refused(f"{name} is none of {', '.join(ROTATED)}")
    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        made = act(hub, name, session.operator(operator, chosen))
    if json_:
        output.emit({"name": name, "kid": made.kid.hex()})
    else:
        print(f"{name}: {made.kid.hex()} is current")


@app.command()
def rewrap(json_: Json = False) -> None:
    """Wrap every data key by HUB_KEK; those that HUB_KEK_BEFORE still wraps are opened by it. Nothing needs to stop, no row changes.

    Example: HUB_KEK=/secrets/kek-2 HUB_KEK_BEFORE=/secrets/kek-1 hub data-keys rewrap
    """
    from license_hub.service.at_rest import open_keys

    done = open_keys(session.options()).rewrap()
    if json_:
        output.emit({"rewrapped": done})
    else:
        print(f"{done} key(s) wrapped anew")


@app.command()
def rekey(lake: Lake = None, database: Database = None, operator: Operator = "", json_: Json = False) -> None:
    """Move every cell and every blind index to the current keys, in steps, while the hub works.

    Example: hub data-keys rekey --json
    """
    from license_hub.service.rekey import rekey as move

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub, output.watching("moving rows to the current keys"):
        done = move(hub, session.operator(operator, chosen))
    if json_:
        output.emit(done)
    else:
        output.facts("Moved", done)
