"""`hub witness`: a witness of its own, as its own user with its own directory and keys. It opens no hub and reads no HUB_ setting."""

from __future__ import annotations

import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output
from license_hub.commands.faults import say
from license_hub.commands.options import Json

if TYPE_CHECKING:
    from license_hub.witness.keys import Identity
    from license_hub.witness.server import WitnessServer

HELP = """\
Cosign a log's checkpoints: only what is consistent with everything seen before (C2SP tlog-witness).

Run it as another user, best on another machine and by another body than the hub's:

    hub witness init /srv/witness --name witness.example/w1
    hub witness trust /srv/witness "$(hub log vkey)"          # the key as the hub's operator hands it over
    hub witness serve /srv/witness --port 8090

The hub asks it as HUB_WITNESS_POLICY says; `hub witness keys --policy URL` prints the lines for that file.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")

Directory = Annotated[Path, typer.Argument(help="The witness's own directory: keys, logs and what it saw; mode 700")]


@app.command()
def init(
    directory: Directory,
    name: Annotated[str, typer.Option(help="Name it cosigns under, a schema-less URL such as witness.example/w1")],
    json_: Json = False,
) -> None:
    """Make the directory with new Ed25519 and ML-DSA-44 keys.

    Example: hub witness init /srv/witness --name witness.example/w1
    """
    from license_hub.witness.keys import make

    show(make(directory, name), json_)


@app.command()
def keys(
    directory: Directory,
    policy: Annotated[str, typer.Option(help="Print policy lines instead, with this URL to reach the witness by")] = "",
    json_: Json = False,
) -> None:
    """Its verifier keys, one a line.

    Example: hub witness keys /srv/witness --policy http://witness.example:8090 >> witness.policy
    """
    from license_hub.witness.keys import load

    found = load(directory)
    if policy:
        print(policy_lines(found, policy), end="")
    else:
        show(found, json_)


@app.command()
def trust(directory: Directory, vkey: Annotated[str, typer.Argument(help="Verifier key of the log, name+hash+base64")]) -> None:
    """Cosign this log from the next start on. Get the key from its operator in person, not from the log's own address.

    Example: hub witness trust /srv/witness "log.example/licenses+1a2b3c4d+AbC…"
    """
    from license_hub.witness.keys import load
    from license_hub.witness.keys import trust as add

    load(directory)
    say(f"trusts {add(directory, vkey).name}; restart the witness")


@app.command()
def serve(
    directory: Directory,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port")] = 8090,
) -> None:
    """Answer add-checkpoint until a signal. Refusals of a log that contradicts itself are logged with both checkpoints: keep them.

    Example: hub witness serve /srv/witness --host 10.0.0.5 --port 8090
    """
    from granian import Granian

    from license_hub.witness.keys import load, logs

    load(directory)
    if not logs(directory):
        say(f"{directory}/logs lists no log yet: hub witness trust {directory} VKEY")
    # One worker: the directory has one holder.
    server = Granian("license_hub.commands.witness:application", address=host, port=port, interface="asgi", workers=1, websockets=False,
                     respawn_failed_workers=False)  # fmt: skip
    server.serve(target_loader=partial(application, directory), wrap_loader=False)


def application(directory: Path) -> WitnessServer:
    """The witness of that directory, in the server's worker process."""
    from license_hub.errors import WitnessFault
    from license_hub.witness.keys import load, logs
    from license_hub.witness.protocol import Witness
    from license_hub.witness.server import WitnessServer
    from license_hub.witness.state import State

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        identity = load(directory)
        return WitnessServer(
            Witness(identity.name, identity.signers, logs(directory), State(directory), lambda: int(time.time())), identity
        )
    except WitnessFault as fault:
        say(f"{fault.code}: {fault}")
        raise SystemExit(1) from None


def policy_lines(identity: Identity, url: str) -> str:
    """Both keys as witnesses of a policy, and a group that either of them satisfies."""
    word = "".join(ch if ch.isalnum() else "-" for ch in identity.name)
    names = {one.alg: f"{word}-{one.alg.lower()}" for one in identity.keys}
    lines = [f"witness {names[one.alg]} {one.text} {url}\n" for one in identity.keys]
    return "".join(lines) + f"group {word} any {' '.join(names.values())}\n"


def show(identity: Identity, json_: bool) -> None:
    if json_:
        output.emit({"name": identity.name, "keys": [one.text for one in identity.keys]})
    else:
        for one in identity.keys:
            print(one.text)
