"""Options several commands share, so that they read and behave the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Lake = Annotated[Path | None, typer.Option("--lake", help="Folder of the lake; its database is then <lake>/hub.db unless one is named")]
Database = Annotated[str | None, typer.Option("--database", help="SQLAlchemy URL; better given as HUB_DATABASE_URL")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line")]
Operator = Annotated[str, typer.Option("--operator", help="Who acts, recorded with the act; default HUB_OPERATOR, else the login name")]
