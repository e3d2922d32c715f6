"""`hub verify`: one verdict on the command line, through the same service, checks and audit as the API."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import uuid4

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import INVALID, UNDETERMINED, USAGE, say
from license_hub.commands.options import Database, Json, Lake

EXITS = {"VALID": 0, "INVALID": INVALID, "UNDETERMINED": UNDETERMINED}


def verify(
    identifier: Annotated[str, typer.Argument(help="License identifier, 1.2.156.3005.2.…")] = "",
    type_: Annotated[str, typer.Option("--type", help="License type, with --number and --holder-number instead of an identifier")] = "",
    number: Annotated[str, typer.Option(help="Certificate number; - asks for it (or reads a line), so that no history keeps it")] = "",
    holder_number: Annotated[str, typer.Option(help="Holder's number; - asks for it (or reads a line)")] = "",
    claim: Annotated[list[str] | None, typer.Option(help="Repeatable NAME=VALUE: a field as the paper shows it")] = None,
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Verify one license by identifier, or by type, certificate number and holder number.

    Exit 0: VALID. Exit 4: INVALID. Exit 5: UNDETERMINED.

    Example: hub verify --type food_permit --number - --holder-number - --json
    """
    if bool(identifier) == bool(type_) or (type_ and not (number and holder_number)):
        say("give an identifier, or --type with --number and --holder-number (a certificate number alone finds nothing)")
        raise typer.Exit(USAGE)
    claims = dict(one.partition("=")[::2] for one in claim or [])
    number, holder_number = asked("certificate number", number), asked("holder number", holder_number)
    with session.hub(session.options(lake, database)) as hub:
        from license_hub.api.verifications import body
        from license_hub.service.verify import VerifyRequest
        from license_hub.service.verify import verify as check

        request = VerifyRequest(
            actor="cli:" + session.operator("", session.options(lake, database)),
            request_id=uuid4().hex,
            identifier=identifier or None,
            type_id=type_ or None,
            number=number or None,
            holder_number=holder_number or None,
            claims=claims,
        )
        [answer] = check(hub, [request])
        shown = body(answer, hub.catalog.messages[answer.verdict.code], request.request_id)
    if json_:
        output.emit(shown)
    else:
        checks = ", ".join(f"{name} {found}" for name, found in shown["checked"].items())
        told = {name: value for name, value in shown.items() if name not in ("status", "code")}
        listed = {
            "mismatched": ", ".join(shown["mismatched"]),
            "provisional": ", ".join(one["field"] for one in shown.get("provisional", [])),
        }
        output.facts(f"{shown['status']} {shown['code']}", told | {"checked": checks} | listed)
    raise typer.Exit(EXITS[shown["status"]])


def asked(what: str, given: str) -> str:
    """`-` is asked for without echo at a terminal, else read as one line of stdin."""
    if given != "-":
        return given
    if sys.stdin.isatty():
        return typer.prompt(what, hide_input=True, err=True)
    return sys.stdin.readline().strip()
