"""`hub batch`: what was checked, what the gate stopped, and the second name that lets a stopped batch through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

if TYPE_CHECKING:
    import sqlalchemy as sa

app = typer.Typer(help="Checked batches.", no_args_is_help=True)

LISTED = ("batch", "resource", "partition", "status", "operator", "checked_at")
SHOWN = ("batch", "partition", "status", "operator", "read", "trusted", "quarantined", "warned")
"""Columns for people; the batch id says the resource and when."""
COUNTED = ("read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned")


@app.command("list")
def list_(
    resource: Annotated[str, typer.Option(help="Only this resource")] = "",
    stopped: Annotated[bool, typer.Option("--stopped", help="Only what waits for a second name")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Newest first, at most this many")] = 20,
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """Batches, newest first.

    Example: hub batch list --stopped
    """
    import sqlalchemy as sa

    from quality.store.tables import batch

    query = sa.select(batch).order_by(batch.c.checked_at.desc(), batch.c.batch.desc()).limit(limit)
    if resource:
        query = query.where(batch.c.resource == resource)
    if stopped:
        query = query.where(batch.c.status == "stopped")
    with session.hub(session.options(lake, database)) as hub, hub.engine.connect() as connection:
        rows = [described(row) for row in connection.execute(query)]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Batches", SHOWN, ([row[name] for name in SHOWN] for row in rows))


def described(row: sa.Row) -> dict[str, object]:
    report = dict(row.report)
    return {name: getattr(row, name) for name in LISTED} | {name: report.get(name) for name in COUNTED}


@app.command()
def show(
    batch: Annotated[str, typer.Argument(help="Batch id, as in `hub batch list`")],
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """One batch: its report, why the gate stopped it if it did, and who let it through.

    Example: hub batch show population-20261121T080000-1a2b3c4d --json
    """
    import sqlalchemy as sa

    from quality.store import tables

    with session.hub(session.options(lake, database)) as hub, hub.engine.connect() as connection:
        row = connection.execute(sa.select(tables.batch).where(tables.batch.c.batch == batch)).first()
        if row is None:
            raise Refused(f"no batch {batch}: see `hub batch list`")
        wanted = tables.approval.c.batch == batch
        names = [dict(one._mapping) for one in connection.execute(sa.select(tables.approval).where(wanted).order_by(tables.approval.c.id))]
    shown = {name: getattr(row, name) for name in LISTED} | {"reasons": row.reasons, "approvals": names}
    if json_:
        output.emit(shown | {"report": row.report})
    else:
        output.facts(batch, shown)
        output.balance("Report", row.report)


@app.command()
def approve(
    batch: Annotated[str, typer.Argument(help="Batch id, as in `hub batch list --stopped`")],
    reason: Annotated[str, typer.Option(help="Why it may be published, for the record")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Let a stopped batch through and publish it. The name must be another than the one that ran it.

    A batch whose rows do not balance is a fault and cannot be approved.

    Example: hub batch approve population-20261121T080000-1a2b3c4d --reason "confirmed by the provider" --operator second.name
    """
    from dataclasses import asdict

    from quality.engine import release
    from quality.gate import approve as second_name

    chosen = session.options(lake, database)
    name = session.operator(operator, chosen)
    with session.hub(chosen) as hub:
        with hub.engine.begin() as connection:
            second_name(connection, batch, name, reason, session.now())
        report = asdict(release(batch, hub.catalog, lake=hub.lake, database=hub.engine, now=session.now(), operator=name))
    if json_:
        output.emit(report)
    else:
        output.balance(batch, report)
