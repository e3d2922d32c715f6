"""`hub run`: one file through landing, cleaning, checking and publishing, and if asked issuing."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from license_hub.commands import output, session
from license_hub.commands.faults import GATE, Refused, say
from license_hub.commands.options import Database, Json, Lake, Operator

if TYPE_CHECKING:
    from license_hub.service.hub import Hub

KEYS = (
    "batch", "publication", "published", "noop", "gate", "read", "trusted", "quarantined", "superseded", "deleted", "removed",
    "carried", "warned", "rules", "issued", "versions", "held", "unchanged", "log_size", "checkpoint", "quarantine", "seconds",
)  # fmt: skip
"""Names of the `--json` object, in their order."""


def run(
    resource: Annotated[str, typer.Argument(help="Resource of the catalogue, e.g. population")],
    input: Annotated[Path, typer.Option("--input", help="CSV, TSV (also .gz) or .xlsx", exists=True, dir_okay=False, readable=True)],
    partition: Annotated[str | None, typer.Option(help="The delivery's own; default: its manifest's, or the value most rows carry")] = None,
    lake: Lake = None,
    database: Database = None,
    issue: Annotated[bool, typer.Option("--issue", help="Also issue licenses from what was published")] = False,
    accept_rejects: Annotated[bool, typer.Option("--accept-rejects", help="Publish although more rows were rejected than may be")] = False,
    operator: Operator = "",
    json_: Json = False,
) -> None:
    """Land, clean, check and publish one file; with --issue also make the licenses.

    Exit 0: published, or nothing new in the file. Exit 3: the gate stopped the batch, its whole quarantine is written; look at
    it with `hub quarantine export`, correct at the source, or have a second person run `hub batch approve`.

    Example: hub run enterprise_registry --input enterprises_ningxia.csv.gz --lake var/lake --issue --json
    """
    chosen = session.options(lake, database)
    if accept_rejects and chosen.profile == "production":
        raise Refused("--accept-rejects is not allowed in production; have the batch approved: hub batch approve BATCH")
    with session.hub(chosen) as hub:
        if resource not in hub.catalog.resources:
            raise Refused(f"{resource} is not in the catalogue; it has {', '.join(hub.catalog.resources)}")
        report = deliver(hub, resource, input, partition, session.operator(operator, chosen), accept_rejects)
        goes_on = issue and report["gate"] != "stopped"
        report |= issuing(hub, resource, report["seconds"]) if goes_on else not_issuing(hub)
    shown = {key: report[key] for key in KEYS}
    if json_:
        output.emit(shown)
    else:
        output.balance(f"{resource}: {report['gate']}", shown)
    if report["gate"] == "stopped":
        say(f"the gate stopped {report['batch']}, all rejects are in {report['quarantine']}")
        say(f"correct at the source and deliver again, or let a second person decide: hub batch approve {report['batch']}")
        raise typer.Exit(GATE)


def deliver(hub: Hub, resource_id: str, given: Path, partition: str | None, operator: str, accept_rejects: bool) -> dict:
    """Land and check; the report's names are those of KEYS up to `quarantine`."""
    from connectors import pull
    from connectors.settings import EnvironmentCredentials
    from quality.engine import check

    began = time.perf_counter()
    resource, now = hub.catalog.resources[resource_id], session.now()
    with output.watching("landing"):
        landed = pull(resource, hub.lake, credentials=EnvironmentCredentials(), now=now, input=given, partition=partition)
    seconds = {"land": round(time.perf_counter() - began, 3)}
    with output.watching("checking"):
        who = {"operator": operator, "accept_rejects": accept_rejects}
        report = asdict(check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=now, **who))
    report["quarantine"] = str(hub.lake / report["quarantine"])
    return report | {"seconds": seconds | report["seconds"]}


def issuing(hub: Hub, resource: str, seconds: dict) -> dict:
    """Apply every publication of the resource the hub has not applied yet."""
    from license_hub.service.intake import apply_pending

    began = time.perf_counter()
    with output.watching("issuing"):
        done = apply_pending(hub, [resource])
    counts = {"issued": done.issued, "versions": done.versions, "held": done.held, "unchanged": done.unchanged}
    return counts | log_head(hub) | {"seconds": seconds | {"issue": round(time.perf_counter() - began, 3)}}


def not_issuing(hub: Hub) -> dict:
    return {"issued": 0, "versions": 0, "held": 0, "unchanged": 0} | log_head(hub)


def log_head(hub: Hub) -> dict:
    """Size and root (base64) of the newest checkpoint; 0 and null before the first."""
    from license_hub.commands.log import newest

    head = newest(hub)
    return {"log_size": head[0], "checkpoint": head[1]} if head else {"log_size": 0, "checkpoint": None}
