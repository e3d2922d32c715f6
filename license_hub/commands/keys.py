"""`hub keys`: the hub's keys, their states, and acts on them. Private keys are never shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import attach_key, manifest, output, session
from license_hub.commands.faults import Refused, say
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

if TYPE_CHECKING:
    from license_hub.service.change_key import Changed
    from license_hub.service.hub import Hub
    from license_hub.signing.manifest import KnownKey

app = typer.Typer(help="The hub's keys.", no_args_is_help=True)
app.add_typer(manifest.app, name="manifest")
app.command("attach")(attach_key.attach)
app.command("generate")(attach_key.generate)

Kid = Annotated[str, typer.Argument(help="16 hex digits, as `hub keys list` shows")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes into the manifest and the audit log, so no personal data")]


@app.callback()
def group() -> None:
    """The hub's keys, in HUB_KEYS, and their states, in the database. Keys made on the first start are for development and say so.

    The root key signs the manifest of all others and is kept elsewhere: hub keys manifest --help.
    """


@app.command("list")
def list_(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """Every key ever registered: role, kid, state, from when, and whether it signs now; checkpoint keys also as note verifier keys.

    Example: hub keys list --json
    """
    with session.hub(session.options(lake, database)) as hub:
        rows = [shown(hub, one) for role in hub.security.roles for one in hub.security.keys(role)]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Keys", ("kid", *list(rows[0])[1:]), (row.values() for row in rows))


def shown(hub: Hub, key: KnownKey) -> dict[str, object]:
    from license_hub.log.note import NoteKey, encode

    return {
        "kid": key.kid,
        "role": key.role,
        "alg": key.alg,
        "state": key.state.value,
        "signs": hub.keyring.signs(key),
        "not_before": key.not_before,
        "changed_at": key.changed_at,
        "reason": key.reason,
        "since": key.since,
        "public": encode(key.public),
        "note_key": NoteKey(hub.origin, key.alg, key.public).text if key.role == "checkpoint" else None,
    }


@app.command()
def rotate(
    role: Annotated[
        str, typer.Argument(help="checkpoint, status, token, presentation, copy, copy-sm2 or organ/<18-character credit code>")
    ],
    reason: Reason = "rotation",
    not_before: Annotated[str, typer.Option(help="From when the new key signs, ISO 8601 with time zone; default now")] = "",
    alg: Annotated[str, typer.Option(help="Ed25519, SM2, ES256 or ML-DSA-44; default that of the key in use")] = "",
    kid: Annotated[
        str,
        typer.Option(help="Take the key of that kid, which lies in HUB_KEYS unregistered, attached or generated, instead of making one"),
    ] = "",
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Give a role its next key. What the old one signed stays good.

    With the root key offline the old key goes on signing until a manifest with the new one is imported; then retire it.
    Publish a key before it signs (--not-before, a day ahead) where verifiers keep manifests for long.

    Example: hub keys rotate checkpoint --reason yearly
    """
    from license_hub.service.change_key import rotate as act

    start = moment(not_before)
    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = act(hub, role, reason=reason, operator=session.operator(operator, chosen), not_before=start, alg=alg, kid=kid)
        tell(hub, done, json_)


@app.command()
def retire(
    kid: Kid, reason: Reason = "retired", operator: Operator = "", lake: Lake = None, database: Database = None, json_: Json = False
) -> None:
    """End a key's use. What it signed stays good; refused for the last key of a role that may sign.

    Example: hub keys retire 8d1b3a6c0f2e4d5a --reason "replaced in the spring"
    """
    from license_hub.service.change_key import retire as act

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        tell(hub, act(hub, kid, reason=reason, operator=session.operator(operator, chosen)), json_)


@app.command()
def compromise(
    kid: Kid,
    reason: Annotated[str, typer.Option("--reason", help="What happened; no personal data")],
    since: Annotated[str, typer.Option(help="From when another may have used it, ISO 8601 with time zone; default now")] = "",
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Declare that another has, or may have, a key. It is dead on every worker within a second and cannot come back.

    What stood in the log before --since stays good; no license is issued again. The role gets a new key; a new checkpoint key first
    proves that the tree begins with the last good head, then signs it.

    Example: hub keys compromise 8d1b3a6c0f2e4d5a --reason "laptop stolen" --since 2026-11-20T18:00:00+08:00
    """
    from license_hub.service.change_key import compromise as act
    from license_hub.service.integrate import integrate

    start = moment(since)
    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        done = act(hub, kid, reason=reason, operator=session.operator(operator, chosen), since=start)
        tell(hub, done, json_)
        if done.keys[0].role == "checkpoint" and not done.to_sign:
            integrate(hub)


def moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(f"{text!r} is no instant: write it like 2026-11-20T18:00:00+08:00")
    return found


def tell(hub: Hub, done: Changed, json_: bool) -> None:
    rows = [shown(hub, one) for one in done.keys]
    if json_:
        output.emit({"keys": rows, "manifest": done.manifest.sequence if done.manifest else None, "to_sign": done.to_sign})
    else:
        output.table("Changed", ("kid", *list(rows[0])[1:]), (row.values() for row in rows))
    if done.to_sign:
        say("the manifest is yet to be signed by the root: hub keys manifest export, sign it there, hub keys manifest import")
