"""`hub rules`: thresholds, severities and weights changed over the catalogue's files, under two names, until the files say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

if TYPE_CHECKING:
    from catalogs.changes import Edit
    from catalogs.model import Catalog
    from quality.changes import Act, Change

app = typer.Typer(help="Changes of thresholds, severities and weights.", no_args_is_help=True)

Resource = Annotated[str, typer.Argument(help="Resource, as in catalogs/resources")]
Number = Annotated[int, typer.Argument(help="Number of the change, as in `hub rules list`")]
Severity = Annotated[list[str] | None, typer.Option(help="RULE=reject|warn|off; off leaves the rule out")]
Threshold = Annotated[list[str] | None, typer.Option(help="RULE:PARAMETER=VALUE, as food_permit.issued_on.not_before:date=2016-01-01")]
Weight = Annotated[list[str] | None, typer.Option(help="INDICATOR=WEIGHT, as 0302=6")]
Limit = Annotated[list[str] | None, typer.Option(help="LIMIT=VALUE, as max_rejects=0.2")]
LISTED = ("number", "resource", "standing", "author", "at", "edits")


@app.command("list")
def list_(
    resource: Annotated[str, typer.Option(help="Only this resource")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what waits for a second name")] = False,
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """Changes, newest first, and what each counts now.

    Standing: proposed, active, merged (the files say it themselves), superseded, refused, withdrawn.

    Example: hub rules list --waiting
    """
    from quality import changes

    with session.hub(session.options(lake, database)) as hub, hub.engine.connect() as connection:
        valid = changes.approved(connection)
        found = [described(hub.catalog, one, valid) for one in changes.listed(connection, resource or None)]
    rows = [one for one in found if one["standing"] == "proposed" or not waiting]
    if json_:
        output.emit_lines(rows)
    else:
        output.table("Changes", LISTED, ([*(row[name] for name in LISTED[:-1]), _told(row)] for row in rows))


def described(catalog: Catalog, one: Change, approved: list[Change]) -> dict[str, object]:
    from quality import changes

    mine = [other for other in approved if other.resource == one.resource]
    edits = [edit.stored() | {"was": was} for edit, was in zip(one.edits, one.was, strict=True)]
    decided = one.decided and {"act": str(one.decided.act), "actor": one.decided.actor, "reason": one.decided.reason, "at": one.decided.at}
    return {
        "number": one.number, "resource": one.resource, "standing": str(changes.standing(catalog, one, mine)), "author": one.author,
        "at": one.at, "reason": one.reason, "edits": edits, "decided": decided,
    }  # fmt: skip


def _told(row: dict) -> str:
    return ", ".join(".".join(filter(None, (one["name"], one["what"]))) + f" {one['was']} → {one['value']}" for one in row["edits"])


@app.command()
def propose(
    resource: Resource,
    reason: Annotated[str, typer.Option(help="Why, for the record")],
    severity: Severity = None,
    threshold: Threshold = None,
    weight: Weight = None,
    limit: Limit = None,
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Propose a change. It counts from the next batch once a second person approved it; catalogs/changes.yaml says what may be changed.

    Example: hub rules propose food_permit --severity food_permit.address.not_null=reject --reason "addresses are needed on the license"
    """
    from quality import changes

    chosen = session.options(lake, database)
    edits = edits_of(severity, threshold, weight, limit)
    with session.hub(chosen) as hub, hub.engine.begin() as connection:
        author = session.operator(operator, chosen)
        number = changes.propose(connection, hub.catalog, resource, edits, author=author, reason=reason, now=session.now())
        row = described(hub.catalog, changes.get(connection, number), [])
    _shown(row, json_)


def edits_of(severity: list[str] | None, threshold: list[str] | None, weight: list[str] | None, limit: list[str] | None) -> list[Edit]:
    """What the options say. Raises BadParameter."""
    from catalogs.changes import LIMIT, RULE, SEVERITY, WEIGHT, Edit

    edits = [Edit(RULE, name, SEVERITY, value) for name, value in map(_pair, severity or ())]
    for place, value in map(_pair, threshold or ()):
        rule, _, what = place.rpartition(":")
        edits.append(Edit(RULE, rule, what, _number(value)))
    edits += [Edit(WEIGHT, name, "", _number(value)) for name, value in map(_pair, weight or ())]
    return edits + [Edit(LIMIT, name, "", _number(value)) for name, value in map(_pair, limit or ())]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise typer.BadParameter(f"{text}: write NAME=VALUE")
    return name, value


def _number(text: str) -> str | int | float:
    """A whole number, a number, or the text itself (dates)."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@app.command()
def approve(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why it may count, for the record")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Let a proposed change count from the next batch. The name must be another than the one that proposed it.

    Example: hub rules approve 7 --reason "agreed with the provider" --operator second.name
    """
    from quality.changes import Act

    _decide(number, Act.APPROVE, reason, operator, lake, database, json_)


@app.command()
def refuse(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why not, for the record")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Turn a proposed change down, under another name than the one that proposed it.

    Example: hub rules refuse 7 --reason "the provider corrects it at the source" --operator second.name
    """
    from quality.changes import Act

    _decide(number, Act.REFUSE, reason, operator, lake, database, json_)


@app.command()
def withdraw(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for the record")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Take back a change of your own that is not decided yet. To end one that counts, propose what the files say.

    Example: hub rules withdraw 7 --reason "proposed for the wrong resource"
    """
    from quality.changes import Act

    _decide(number, Act.WITHDRAW, reason, operator, lake, database, json_)


def _decide(number: int, act: Act, reason: str, operator: str, lake: Path | None, database: str | None, json_: bool) -> None:
    from quality import changes

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub, hub.engine.begin() as connection:
        actor = session.operator(operator, chosen)
        changes.decide(connection, hub.catalog, number, act, actor=actor, reason=reason, now=session.now())
        row = described(hub.catalog, changes.get(connection, number), changes.approved(connection))
    _shown(row, json_)


def _shown(row: dict, json_: bool) -> None:
    if json_:
        output.emit(row)
    else:
        decided = row["decided"]
        by = f"{decided['act']} by {decided['actor']}: {decided['reason']}" if decided else "waits for a second name"
        output.facts(f"Change {row['number']}", row | {"edits": _told(row), "decided": by})


@app.command("dry-run")
def dry_run(
    number: Annotated[int, typer.Argument(help="Number of a proposed change; 0 = what the options say")] = 0,
    resource: Annotated[str, typer.Option(help="With options instead of a number: the resource")] = "",
    severity: Severity = None,
    threshold: Threshold = None,
    weight: Weight = None,
    limit: Limit = None,
    batch: Annotated[str, typer.Option(help="Batch to try it on; default the resource's newest delivery")] = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """What a change would make of the last batch: rows in quarantine and scores by rule and body. Writes nothing.

    Example: hub rules dry-run 7

    Example: hub rules dry-run --resource food_permit --weight 0302=9
    """
    from quality import changes
    from quality.trial import figures, try_out

    with session.hub(session.options(lake, database)) as hub:
        edits = edits_of(severity, threshold, weight, limit)
        if number:
            with hub.engine.connect() as connection:
                proposed = changes.get(connection, number)
            resource, edits = proposed.resource, list(proposed.edits)
        with output.watching("trying"):
            found = try_out(hub.catalog, resource, edits, lake=hub.lake, database=hub.engine, batch=batch or None)
    told = figures(found)
    if json_:
        output.emit(told)
        return
    output.facts(
        found.batch, {"": "before → after", **{name: f"{told['before'][name]} → {told['after'][name]}" for name in told["before"]}}
    )
    columns = ("rule", "severity before", "after", "rows before", "after")
    output.table("Rules", columns, (list(one.values())[:5] for one in told["rules"]))
    output.table(
        "Bodies", ("body", "division", "quarantined before", "after", "score before", "after"), (one.values() for one in told["bodies"])
    )


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(help="Folder for the changed files; default: only the diff, on stdout")] = None,
    root: Annotated[Path | None, typer.Option(help="The catalogue's files (default: the shipped ones)")] = None,
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """The catalogue's files with the changes in effect written in, as a diff for review. Once merged, the changes count as merged.

    Example: hub rules export > changes.patch
    """
    from catalogs.load import PACKAGE_ROOT
    from catalogs.rewriting import difference, rewritten
    from quality import changes

    folder = root or PACKAGE_ROOT
    with session.hub(session.options(lake, database)) as hub, hub.engine.connect() as connection:
        files = rewritten(folder, changes.edits_in_effect(hub.catalog, connection))
    for name, text in files.items() if out else ():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    if json_:
        output.emit({"files": sorted(files), "out": str(out) if out else None, "diff": difference(folder, files)})
    else:
        print(difference(folder, files), end="", flush=True)
