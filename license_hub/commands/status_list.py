"""`hub status-list`: publish the status lists, and check what is published against the database."""

from __future__ import annotations

from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import DAMAGE, UNDETERMINED, say
from license_hub.commands.options import Database, JsonLines, Lake

app = typer.Typer(help="Status lists for verifiers without a connection.", no_args_is_help=True)


@app.command()
def publish(
    life: Annotated[
        int | None, typer.Option(min=60, max=30 * 86400, help="Seconds a list counts; after that a verifier must not rely on it")
    ] = None,
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """Sign every status list anew, from what is in the database now. Airflow does it every 15 minutes and after each issue.

    Example: hub status-list publish --json
    """
    from dataclasses import asdict

    from license_hub.service.publish_status import LIFE_S
    from license_hub.service.publish_status import publish as sign

    with session.hub(session.options(lake, database)) as hub, output.watching("signing status lists"):
        made = [asdict(one) for one in sign(hub, life_s=life or LIFE_S)]
    if json_:
        output.emit_lines(made)
    else:
        output.table("Status lists", ("shard", "uri", "changed", "bytes", "issued", "expires"), (one.values() for one in made))


@app.command()
def check(
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """Every published list: its signature, its age, and each value against the database.

    Exit 6: a list is not what it should be. Exit 5: one is stale or missing, so that verifiers answer UNDETERMINED.

    Example: hub status-list check
    """
    from dataclasses import asdict

    from license_hub.service.check_status import check as compare

    with session.hub(session.options(lake, database)) as hub, output.watching("reading status lists"):
        found = compare(hub)
    if json_:
        output.emit_lines(asdict(one) for one in found)
    else:
        rows = ([one.shard, one.age_s, "stale" if one.stale else "fresh", *counts(one.counts), "; ".join(one.faults)] for one in found)
        columns = ("shard", "age s", "", "VALID", "INVALID", "SUSPENDED", "UNDETERMINED", "faults")
        output.table("Status lists", columns, rows)
    if any(one.faults for one in found):
        raise typer.Exit(DAMAGE)
    if any(one.stale for one in found):
        say("a list is stale or missing: hub status-list publish")
        raise typer.Exit(UNDETERMINED)


def counts(found: dict[str, int]) -> list[int | None]:
    return [found.get(name) for name in ("VALID", "INVALID", "SUSPENDED", "UNDETERMINED")]
