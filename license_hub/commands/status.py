"""`hub status`: an organ's notice of an act on a license, and lists of acts that two other people have to approve."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import Refused
from license_hub.commands.options import Database, Json, JsonLines, Lake, Operator

if TYPE_CHECKING:
    from license_hub.service.approve_acts import ActBatch
    from license_hub.service.change_status import Changed, Notice

app = typer.Typer(help="Status acts by an organ's notice: act, document, date, organ and reason.", no_args_is_help=True)

COLUMNS = ("identifier", "act", "document_no", "date", "reason")
LISTED = ("batch", "organ", "size", "proposed_by", "proposed_at", "approvers", "applied_at")


@app.command()
def change(
    identifier: Annotated[str, typer.Argument(help="License identifier, any of its versions")],
    act: Annotated[str, typer.Option(help="SUSPEND, RESTORE, CANCEL, WITHDRAW, REVOKE, REINSTATE …: `hub status table`")],
    document: Annotated[str, typer.Option(help="Number of the decision")],
    on: Annotated[str, typer.Option("--date", help="Day the act took effect, YYYY-MM-DD, today at the latest")],
    organ: Annotated[str, typer.Option(help="Credit code of the organ that decided: the one that issued the license")],
    reason: Annotated[str, typer.Option(help="Reason code of the act: `hub status table`")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Record one notice.

    Example: hub status change 1.2.156.3005.2.… --act REVOKE --document 样市监罚〔2026〕7号 --date 2026-11-20 --organ 11… --reason PENALTY
    """
    chosen = session.options(lake, database)
    notice = _notice((identifier, act, document, on, reason), organ, "the options")
    with session.hub(chosen) as hub:
        from license_hub.service.change_status import change_status
        from license_hub.service.integrate import integrate

        who = "cli:" + session.operator(operator, chosen)
        changed = change_status(
            *(hub, notice.act, notice.document_no, notice.on, organ, notice.reason),
            identifier=notice.identifier, actor=who, request_id=uuid4().hex,
        )  # fmt: skip
        integrate(hub)
    output.emit(_shown(changed)) if json_ else output.facts("Recorded", _shown(changed))


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="CSV with the columns " + ", ".join(COLUMNS), exists=True, dir_okay=False)],
    organ: Annotated[str, typer.Option(help="Credit code of the organ that decided all of them")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """File a list of acts beyond what one name may do (HUB_MASS_ACTS in 24 hours); two other people then approve it.

    Example: hub status propose revoked.csv --organ 11990100…
    """
    from license_hub.service.approve_acts import propose as file_list

    chosen = session.options(lake, database)
    notices = _read(file, organ)
    with session.hub(chosen) as hub:
        batch = file_list(hub, notices, name=session.operator(operator, chosen), organ=organ)
    output.emit(_listed(batch)) if json_ else print(batch.batch_id)


@app.command()
def approve(
    batch: Annotated[str, typer.Argument(help="As printed by `hub status propose`")],
    reason: Annotated[str, typer.Option(help="Why it is right")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Put a name behind a list; with the second name it is applied.

    Example: hub status approve 0123456789abcdef --reason "checked against the decisions" --operator name
    """
    from license_hub.service.approve_acts import APPROVERS
    from license_hub.service.approve_acts import apply as carry_out
    from license_hub.service.approve_acts import approve as sign
    from license_hub.service.integrate import integrate

    chosen = session.options(lake, database)
    name = session.operator(operator, chosen)
    with session.hub(chosen) as hub:
        found = sign(hub, batch, name=name, reason=reason)
        applied = 0
        if len(found.approvers) >= APPROVERS:
            applied = len(carry_out(hub, batch, actor="cli:" + name))
            integrate(hub)
    shown = {"batch": batch, "approvers": list(found.approvers), "needed": APPROVERS, "applied": applied}
    output.emit(shown) if json_ else output.facts("Approval", shown)


@app.command()
def apply(
    batch: Annotated[str, typer.Argument(help="As printed by `hub status propose`")],
    operator: Operator = "",
    lake: Lake = None,
    database: Database = None,
    json_: Json = False,
) -> None:
    """Apply a list that two people approved, where `hub status approve` was stopped before it did. Safe to run again.

    Example: hub status apply 0123456789abcdef --operator name
    """
    from license_hub.service.approve_acts import apply as carry_out
    from license_hub.service.integrate import integrate

    chosen = session.options(lake, database)
    with session.hub(chosen) as hub:
        applied = len(carry_out(hub, batch, actor="cli:" + session.operator(operator, chosen)))
        integrate(hub)
    shown = {"batch": batch, "applied": applied}
    output.emit(shown) if json_ else output.facts("Applied", shown)


@app.command("list")
def list_(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only lists not applied yet")] = False,
    lake: Lake = None,
    database: Database = None,
    json_: JsonLines = False,
) -> None:
    """Lists of acts, newest first."""
    from license_hub.service.approve_acts import batches

    with session.hub(session.options(lake, database)) as hub:
        rows = [_listed(one) for one in batches(hub, waiting=waiting)]
    output.emit_lines(rows) if json_ else output.table("Lists of acts", LISTED, ([one[name] for name in LISTED] for one in rows))


@app.command()
def table(json_: JsonLines = False) -> None:
    """The life cycle: from which state which act leads where, who may do it, with which document, for which reasons."""
    from license_hub.domain.lifecycle import TRANSITIONS

    rows = [
        {
            "from": state.value,
            "act": act.value,
            "to": step.to.value,
            "who": sorted(step.actors),
            "document": step.document.value,
            "reasons": sorted(step.reasons),
        }
        for (state, act), step in TRANSITIONS.items()
    ]
    if json_:
        output.emit_lines(rows)
    else:
        shown = ([", ".join(cell) if isinstance(cell, list) else cell for cell in row.values()] for row in rows)
        output.table("Life cycle", tuple(rows[0]), shown)


def _read(file: Path, organ: str) -> list[Notice]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        lines = csv.DictReader(opened)
        if set(COLUMNS) - set(lines.fieldnames or ()):
            raise Refused(f"{file}: the columns {', '.join(COLUMNS)} are needed")
        return [_notice([row[name] or "" for name in COLUMNS], organ, f"{file.name} line {lines.line_num}") for row in lines]


def _notice(cells: Sequence[str], organ: str, where: str) -> Notice:
    """Raises Refused naming the place, never the value."""
    from license_hub.domain.lifecycle import Act, Reason
    from license_hub.service.change_status import Notice

    identifier, act, document, on, reason = (one.strip() for one in cells)
    try:
        return Notice(identifier.upper(), Act(act), document, date.fromisoformat(on), organ, Reason(reason))
    except ValueError:
        raise Refused(f"{where}: act, date (YYYY-MM-DD) or reason is none there is: see `hub status table`") from None


def _shown(changed: Changed) -> dict[str, object]:
    return {
        "identifier": changed.identifier,
        "state": changed.state.value,
        "entry": changed.entry,
        "leaf_hash": changed.leaf_hash.hex(),
        "recorded_at": changed.recorded_at,
    }


def _listed(batch: ActBatch) -> dict[str, object]:
    values = (batch.batch_id, batch.organ, batch.size, batch.proposed_by, batch.proposed_at, ", ".join(batch.approvers), batch.applied_at)
    return dict(zip(LISTED, values, strict=True))
