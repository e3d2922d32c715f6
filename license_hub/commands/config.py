"""`hub config show`: every setting, where it comes from, secrets as ***."""

from __future__ import annotations

import typer

from license_hub import settings
from license_hub.commands import output, session
from license_hub.commands.options import Json

app = typer.Typer(help="The settings in force.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The settings in force. They come from HUB_* variables alone."""


@app.command()
def show(json_: Json = False) -> None:
    """Every setting with its variable and meaning; secrets are shown as ***.

    Example: HUB_PORT=8081 hub config show
    """
    values = session.options().shown()
    if json_:
        output.emit(values)
        return
    output.table("Settings", ("variable", "value", "meaning"), ((row.env, values[row.name], row.help) for row in settings.ROWS))
