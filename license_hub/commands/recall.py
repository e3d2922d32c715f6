"""`hub recall`: who relied on a bad source, and a signed notice to each of them. Revokes nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

HELP = """\
From a batch, publication, rule or organ's notice to all licenses, answers and clients that relied on it.

Each client finds one signed notice at GET /v1/notices. The same recall run again notifies only who relied since. No license changes
its status: that is for the organ to say.
"""

app = typer.Typer(help=HELP, no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why, as the clients read it; names no person")]
Type = Annotated[str, typer.Option("--type", help="Only licenses of this type")]
Since = Annotated[str, typer.Option(help="Only versions recorded from this instant on, e.g. 2026-11-21 or 2026-11-21T08:00:00Z")]
Until = Annotated[str, typer.Option(help="Only versions recorded before this instant")]
Identifier = Annotated[list[str] | None, typer.Option(help="Repeatable: only these licenses")]


@app.command()
def batch(
    batch: Annotated[str, typer.Argument(help="Batch id, as in `hub batch list`")],
    reason: Reason,
    type_: Type = "",
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Everything that came of a batch.

    Example: hub recall batch legal_entity-20261121T080000-1a2b3c4d --reason "the department withdrew this delivery"
    """
    run("batch", batch, reason, operator, lake, database, json_, type_id=type_)


@app.command()
def publication(
    resource: Annotated[str, typer.Argument(help="Resource id")],
    number: Annotated[int, typer.Argument(min=1, help="Number of its publication")],
    reason: Reason,
    type_: Type = "",
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Everything that came of one publication.

    Example: hub recall publication legal_entity 7 --reason "wrong status codes"
    """
    run("publication", f"{resource}/{number}", reason, operator, lake, database, json_, type_id=type_)


@app.command()
def rule(
    rule: Annotated[str, typer.Argument(help="Rule id, as in `hub batch show BATCH --json`")],
    reason: Reason,
    type_: Type = "",
    since: Since = "",
    until: Until = "",
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """A rule was wrong. Of a warn rule: the rows it warned of; of a reject rule: all it let pass.

    Example: hub recall rule food_permit.valid_to.date_order --since 2026-11-01 --reason "the rule let wrong dates pass"
    """
    run("rule", rule, reason, operator, lake, database, json_, type_id=type_, since=since, until=until)


@app.command()
def organ(
    code: Annotated[str, typer.Argument(help="Credit code of the issuing organ")],
    document_no: Annotated[str, typer.Option(help="Number of its notice")],
    reason: Reason,
    type_: Type = "",
    since: Since = "",
    until: Until = "",
    identifier: Identifier = None,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """What an organ issued, by its notice.

    Example: hub recall organ 11990101000000026X --document-no 样监函〔2026〕1号 --identifier 1.2.156.… --reason "issued in error"
    """
    narrow = {"document_no": document_no, "type_id": type_, "since": since, "until": until, "identifiers": tuple(identifier or ())}
    run("organ", code, reason, operator, lake, database, json_, **narrow)


@app.command("list")
def list_(lake: Lake = None, database: Database = None, json_: JsonLines = False) -> None:
    """All recalls, newest first, with how many notices were acknowledged."""
    from license_hub.service.list_notices import recalls

    with session.hub(session.options(lake, database)) as hub:
        rows = recalls(hub)
    if json_:
        output.emit_lines(rows)
    else:
        columns = ("recall_id", "kind", "created_at", "operator", "notices", "acknowledged", "source")
        output.table("Recalls", columns, ([row[name] for name in columns] for row in rows))


@app.command()
def licenses(
    recall_id: Annotated[str, typer.Argument(help="As printed by the recall or `hub recall list`")],
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """The recalled licenses, one a line: log entry and identifier.

    Example: hub recall licenses 8f14e45fceea167a5a36dedd4bea2543 --json > recalled.jsonl
    """
    from license_hub.service.list_notices import recalled

    with session.hub(session.options(lake, database)) as hub:
        part = recalled(hub, recall_id)
        while part:
            if json_:
                output.emit_lines({"entry": entry, "identifier": identifier} for entry, identifier in part)
            else:
                print("\n".join(f"{entry} {identifier}" for entry, identifier in part))
            part = recalled(hub, recall_id, after=part[-1][0])


def run(kind: str, value: str, reason: str, operator: str, lake: Lake, database: Database, json_: bool, **narrow: object) -> None:
    from dataclasses import asdict

    from license_hub.service.recall import Kind, Source
    from license_hub.service.recall import recall as start

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub, output.watching("finding what relied on it"):
        made = asdict(start(hub, Source(Kind(kind), value, **narrow), reason=reason, operator=session.operator(operator, chosen)))
    if json_:
        output.emit(made)
        return
    relying = made.pop("relying")
    output.facts(f"Recall {made['recall_id']}", made | {"status_lists": ", ".join(made["status_lists"])})
    output.table("Who relied", ("who", "answers", "licenses", "first", "last", "has a notice"), (one.values() for one in relying))
