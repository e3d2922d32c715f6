"""`hub keys show`: public keys of every role. Private keys are never shown."""

from __future__ import annotations

import typer

from license_hub.commands import attach_key, output, session
from license_hub.commands.options import JsonLines

app = typer.Typer(help="The hub's keys.", no_args_is_help=True)
app.command("attach")(attach_key.attach)
app.command("generate")(attach_key.generate)


@app.callback()
def group() -> None:
    """The hub's keys, in HUB_KEYS. They are made on the first start; those are development keys and say so."""


@app.command()
def show(json_: JsonLines = False) -> None:
    """Role, kid, algorithm and public key of every key; checkpoint keys also as C2SP note verifier keys.

    Example: hub keys show --json
    """
    from license_hub.log.note import NoteKey, encode
    from license_hub.signing.keyring import Keyring

    chosen = session.options()
    keyring = Keyring(chosen.keys)
    found = [key for role in keyring.roles() for key in keyring.public_keys(role)]
    rows = [
        {
            "role": key.role,
            "kid": key.kid,
            "alg": key.alg,
            "public": encode(key.public),
            "note_key": NoteKey(chosen.log_origin, key.alg, key.public).text if key.role == "checkpoint" else None,
        }
        for key in found
    ]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Keys", ("role", "kid", "alg", "public (base64)", "note verifier key"), (row.values() for row in rows))
