"""`hub serve`: the API and pages under granian."""

from __future__ import annotations

from typing import Annotated

import typer

from license_hub.commands import session
from license_hub.commands.options import Database, Lake


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; default HUB_HOST")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; default HUB_PORT")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes")] = 1,
    lake: Lake = None,
    database: Database = None,
) -> None:
    """Serve until Ctrl-C. Logs are JSON lines on stderr; /metrics is on HUB_METRICS_PORT of the same address.

    Example: HUB_DATABASE_URL=postgresql://… hub serve --workers 2
    """
    from license_hub.app import serve as run

    run(session.options(lake, database, host=host, port=port), workers=workers)
