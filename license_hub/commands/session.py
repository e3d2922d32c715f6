"""What a command opens: settings (with the command line's overrides), a hub, the name of who acts. The clock is read here."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from license_hub import settings

if TYPE_CHECKING:
    from connectors.lake import Lake
    from license_hub.service.hub import Hub


PATIENCE_S = 10.0
"""How long a command waits for a database that is away: somebody watches it."""


def now() -> datetime:
    """The clock of the command line: aware, UTC."""
    return datetime.now(UTC)


def options(lake: Path | None = None, database: str | None = None, **others: object) -> settings.Settings:
    """The settings, with what the command line gives in place of the environment's: `others` by name (`host`, `port`), empty = not given.

    `--lake` without a database of its own gets `sqlite:///<lake>/hub.db`. Raises SettingsError.
    """
    variables = {row.name: row.env for row in settings.ROWS}
    given = {"lake": lake, "database_url": database, **others}
    return settings.read(overrides={variables[name]: str(value) for name, value in given.items() if value})


@contextmanager
def hub(chosen: settings.Settings) -> Iterator[Hub]:
    """An open hub, closed at the end; warnings of its opening go to stderr as lines."""
    from license_hub.api import logs
    from license_hub.service.hub import open_hub
    from license_hub.service.kept_manifest import keep

    logs.set_up("WARNING", people=True)
    opened = open_hub(chosen, clock=now, patience_s=PATIENCE_S)
    try:
        yield opened
        # What the command changed of keys is told beside the log too: a restored database learns it there.
        keep(opened)
    finally:
        opened.close()


def lake(chosen: settings.Settings) -> Lake:
    """The lake alone, for commands that need no database."""
    from license_hub.service.at_rest import open_keys, open_lake

    return open_lake(chosen, open_keys(chosen))


def operator(given: str, chosen: settings.Settings) -> str:
    """Who acts: `--operator`, else HUB_OPERATOR, else the login name."""
    return given or chosen.operator or pwd.getpwuid(os.getuid()).pw_name
