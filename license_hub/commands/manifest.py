"""`hub keys manifest`: from the register to the offline root and back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused, say
from license_hub.commands.options import Database, Json, Lake, Operator

if TYPE_CHECKING:
    from license_hub.signing.keyring import Keyring
    from license_hub.signing.manifest import Manifest

app = typer.Typer(help="The manifest of all keys, signed by the root.", no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", help="File to write; not overwritten", dir_okay=False)]


@app.callback()
def group() -> None:
    """Which keys count, in which state, and which witnesses are asked for: one document that verifiers check with the pinned root.

    1. hub: hub keys manifest export --out next.json
    2. where the root is, without network or database: hub keys manifest sign next.json --root DIR --out next.note
    3. hub: hub keys manifest import next.note

    Its witness policy is that of HUB_WITNESS_POLICY. To change it: set it for these three steps, then for the servers.

    With HUB_ROOT_KEYS (development) every change is signed at once, and renew does the three steps in one.
    """


@app.command()
def show(lake: Lake = None, database: Database = None) -> None:
    """The manifest that is served, verbatim. Exit 1 if there is none.

    Example: hub keys manifest show > manifest.note
    """
    from license_hub.service.publish_manifest import newest

    with session.hub(session.options(lake, database)) as hub:
        note = newest(hub)
    if note is None:
        raise Refused("no manifest was signed yet: hub keys manifest export")
    print(note, end="")


@app.command()
def export(
    out: Out,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it will hold")] = 90,
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Write the next manifest, unsigned, for the root to sign.

    Example: hub keys manifest export --out next.json --days 180
    """
    from license_hub.service.publish_manifest import export as made

    with session.hub(session.options(lake, database)) as hub:
        found = made(hub, life=timedelta(days=days))
    write(out, found.text)
    tell(found)


@app.command()
def sign(
    manifest: Annotated[Path, typer.Argument(help="As written by export", exists=True, dir_okay=False)],
    root: Annotated[Path, typer.Option(help="Folder of the root key, mode 700", exists=True, file_okay=False)],
    out: Out,
) -> None:
    """Sign an exported manifest with the root key. Needs that key and nothing else: no hub, no database, no network.

    Read what it lists before you pass it on. Example: hub keys manifest sign next.json --root /media/root --out next.note
    """
    from license_hub.signing import manifest as manifests

    found = manifests.read(manifest.read_text("utf-8"))
    write(out, manifests.sign(found, _root(root).signer("root")))
    tell(found)


@app.command("import")
def import_(
    note: Annotated[Path, typer.Argument(help="As written by sign", exists=True, dir_okay=False)],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Put a signed manifest into force. Refused if no pinned root signed it, it is not the newest, or a key changed since the export.

    Example: hub keys manifest import next.note
    """
    from license_hub.service.publish_manifest import accept

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        found = accept(hub, note.read_text("utf-8"), session.operator(operator, chosen))
    told(found, json_)


@app.command()
def renew(operator: Operator = "", lake: Lake = None, database: Database = None, json_: Json = False) -> None:
    """Sign the next manifest with the root at hand (HUB_ROOT_KEYS), for development.

    Example: hub keys manifest renew
    """
    from license_hub.service.publish_manifest import renew as act

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        found = act(hub, session.operator(operator, chosen))
    told(found, json_)


@app.command()
def root(
    folder: Annotated[Path, typer.Argument(help="Folder of the root key; made with mode 700 if it is not there", file_okay=False)],
) -> None:
    """Make a root key, or show the one that is there: its verifier key, which HUB_ROOT_KEY and every verifier pin.

    Example: hub keys manifest root /media/root
    """
    from license_hub.signing.manifest import root_key

    keyring = _root(folder)
    if not keyring.public_keys("root"):
        keyring.generate("root")
    print(root_key(session.options().log_origin, keyring.public_keys("root")[0]).text)


def _root(folder: Path) -> Keyring:
    from license_hub.api import logs
    from license_hub.signing.keyring import Keyring

    logs.set_up("WARNING", people=True)
    return Keyring(folder)


def write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def told(found: Manifest, json_: bool) -> None:
    if json_:
        output.emit({"sequence": found.sequence, "expires_at": found.expires_at, "keys": len(found.keys)})
    else:
        tell(found)


def tell(found: Manifest) -> None:
    """What a person is about to sign or has put into force; to stderr, stdout is for results."""
    say(f"manifest {found.sequence} of {found.origin}, from {found.issued_at} to {found.expires_at}")
    say(f"witness policy: {found.policy or 'none'}".rstrip())
    for one in found.keys:
        say(f"  {one.kid}  {one.role:24}  {one.alg:10}  {one.state:11}  {one.not_before}  {one.reason}".rstrip())
