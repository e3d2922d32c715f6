"""Faults on the command line: one clear line on stderr and an exit code, never a traceback and never a value."""

from __future__ import annotations

import sys
import traceback

import typer
from typer.core import TyperGroup

from catalogs.errors import EgovError

FAULT, USAGE, GATE, INVALID, UNDETERMINED, DAMAGE = 1, 2, 3, 4, 5, 6


class Refused(EgovError):
    """The command itself refuses; the message says what to do instead."""

    code = "REFUSED"


class Guarded(TyperGroup):
    """The root group: turns any fault of any command into its line and exit code 1."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except EgovError as fault:
            say(f"{fault.code}: {fault}")
        except OSError as fault:
            # An operating system's message names the file and what is wrong with it, and nothing else.
            say(f"{type(fault).__name__}: {fault.strerror or 'input/output error'}: {fault.filename or ''}".rstrip(": "))
        except Exception as fault:
            if type(fault).__module__.startswith(("typer", "click")):
                raise
            if is_outage(fault):
                say("OUTAGE: the database cannot be reached or has no room; nothing is half done, run the command again when it is back")
                raise typer.Exit(FAULT) from None
            say(f"internal fault {type(fault).__name__} at {place(fault)}; please report it with this line")
        raise typer.Exit(FAULT)


def is_outage(fault: Exception) -> bool:
    from license_hub.storage.outage import is_outage as away

    return away(fault)


def place(fault: BaseException) -> str:
    """`file:line function` of our innermost frame. Not the message: it may quote a row."""
    frames = traceback.extract_tb(fault.__traceback__)
    ours = [one for one in frames if "site-packages" not in one.filename] or frames
    return f"{ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno} {ours[-1].name}"


def say(text: str) -> None:
    """To people: stderr."""
    print(text, file=sys.stderr)
