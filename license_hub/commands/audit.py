"""`hub audit`: who looked, when, for what. The log holds no numbers; a subject is found by the blind index of its number."""

from __future__ import annotations

from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, JsonLines, Lake

COLUMNS = ("seq", "at", "action", "actor", "status", "code", "purpose", "case_no", "entry", "request_id")


def audit(
    since: Annotated[str, typer.Option(help="Only from this instant on, e.g. 2026-11-21 or 2026-11-21T08:00:00Z")] = "",
    actor: Annotated[str, typer.Option(help="Only what this client or operator did")] = "",
    subject: Annotated[bool, typer.Option("--subject", help="Ask for a holder number (hidden) and show who looked at that holder")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Newest first, at most this many")] = 50,
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """The audit log, newest first.

    Example: hub audit --since 2026-11-21 --actor counter-7
    """
    number = typer.prompt("holder number", hide_input=True, err=True) if subject else ""
    with session.hub(session.options(lake, database)) as hub:
        import sqlalchemy as sa

        from license_hub.service.content import holder_form
        from license_hub.storage.tables import audit as entries

        wanted = sa.select(*(entries.c[name] for name in COLUMNS)).order_by(entries.c.seq.desc()).limit(limit)
        if since:
            wanted = wanted.where(entries.c.at >= since)
        if actor:
            wanted = wanted.where(entries.c.actor == actor)
        if subject:
            wanted = wanted.where(entries.c.subject_bi.in_(hub.crypt.probes("subject", holder_form(number))))
        with hub.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(wanted).mappings()]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Audit", COLUMNS, (row.values() for row in rows))
