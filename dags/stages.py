"""The steps behind the tasks: each opens what it needs, calls the library, and returns ids and counts.

Retries go by error family: an unavailable source is raised as it is, so that Airflow tries again; every other fault of ours
is final (`AirflowFailException`), because trying again would give the same answer. The clock and the settings are read here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from catalogs.errors import EgovError
from connectors.errors import ContractBroken, SourceUnavailable
from connectors.settings import Connection, connection
from license_hub import settings
from license_hub.service.hub import Hub, open_hub

logger = logging.getLogger(__name__)


class AirflowCredentials:
    """Departments' addresses from Airflow Connections.

    A connection's `extra` holds `address` (drop folder, SQLAlchemy URL or base URL of an API) without its secret;
    the connection's password is the database's password or the API's bearer token.
    """

    def connection(self, connection_id: str) -> Connection:
        """Raises ContractBroken where Airflow has no such connection."""
        from airflow.sdk import Connection as AirflowConnection
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            found = AirflowConnection.get(connection_id)
        except AirflowNotFoundException:
            raise ContractBroken(
                "no Airflow Connection of that id", source=connection_id, hint="add it with `airflow connections add`"
            ) from None
        address = found.extra_dejson.get("address", "")
        if not address:
            raise ContractBroken("the Airflow Connection's extra has no `address`", source=connection_id, hint='extra: {"address": "…"}')
        plain = connection(connection_id, address)
        if found.password and plain.url.startswith(("http://", "https://")):
            return Connection(connection_id, plain.url, found.password)
        if found.password:
            from sqlalchemy import make_url

            secret = make_url(plain.url).set(password=found.password).render_as_string(hide_password=False)
            return Connection(connection_id, secret)
        return plain


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def hub() -> Iterator[Hub]:
    """An open hub; faults that trying again cannot mend become final."""
    try:
        opened = open_hub(settings.read(), clock=now)
        try:
            yield opened
        finally:
            opened.close()
    except SourceUnavailable:
        raise
    except EgovError as fault:
        raise AirflowFailException(f"{fault.code}: {fault}") from None


def land(resource_id: str) -> list[dict]:
    """Every delivery that waits at the source, oldest first. Skips where there is none, so that nothing downstream wakes."""
    from connectors import pull_pending

    with hub() as opened:
        resource = opened.catalog.resources[resource_id]
        landed = pull_pending(resource, opened.lake, credentials=AirflowCredentials(), now=now)
    if not landed:
        raise AirflowSkipException("nothing new at the source")
    return [{"batch": one.batch, "rows": one.manifest.rows, "malformed": one.manifest.malformed} for one in landed]


REPORTED = (
    "batch", "publication", "published", "gate", "read", "trusted", "quarantined", "superseded", "deleted", "removed", "carried", "warned",
    "rules",
)  # fmt: skip


def check(resource_id: str, operator: str = "airflow") -> list[dict]:
    """Judges every landed batch not judged yet, oldest first; a stopped one does not keep the later ones from their turn.

    `operator` names the run that checked them: by it the tab of the run finds its batches.
    """
    from quality import engine

    with hub() as opened:
        reports = engine.check_waiting(opened.catalog, resource_id, lake=opened.lake, database=opened.engine, now=now, operator=operator)
    return [{name: getattr(report, name) for name in REPORTED} for report in reports]


def fail_if_stopped(reports: list[dict]) -> None:
    """A leaf of its own, so that a stopped batch fails the whole run and not just one task in the middle of a green one."""
    stopped = [report["batch"] for report in reports if report["gate"] == "stopped"]
    if stopped:
        raise AirflowFailException(
            f"the gate stopped {', '.join(stopped)}: see `hub batch show`, then `hub batch approve` or a new delivery"
        )


def failed_rule_page(reports: list[dict]) -> str:
    """Address of the rule with the most failing rows in the first batch the gate stopped, rejecting rules first; "" where none was."""
    stopped = next((report for report in reports if report["gate"] == "stopped"), None)
    if stopped is None:
        return ""
    board = f"{settings.read().public_url}/quality"
    failed = {rule: one for rule, one in stopped["rules"].items() if one["failed"]}
    if not failed:
        return f"{board}/batches/{stopped['batch']}"
    worst = max(failed, key=lambda rule: (failed[rule]["severity"] == "reject", failed[rule]["failed"]))
    return f"{board}/rules/{worst}"


def published(reports: list[dict]) -> list[int]:
    """Numbers of the new publications. Skips where there is none, so that issuing is not woken for nothing."""
    numbers = [report["publication"] for report in reports if report["published"]]
    if not numbers:
        raise AirflowSkipException("nothing new was published")
    return numbers


def store_expectations(resource_id: str) -> list[str]:
    """Stores the outcomes of every batch not stored yet as Great Expectations results; returns their batch ids."""
    from quality import gx_runs

    with hub() as opened:
        return gx_runs.store_new(opened.engine, opened.lake, opened.catalog, resource_id)


def issue() -> dict:
    """Applies every publication after the mark, whatever woke the run."""
    from license_hub.service.intake import apply_pending

    with hub() as opened:
        done = apply_pending(opened)
    return {"publications": done.publications, "resources": {name: asdict(counts) for name, counts in done.per_resource.items()}}


def publish_status() -> dict:
    """Signs every status list anew."""
    from license_hub.service.publish_status import publish

    with hub() as opened:
        made = publish(opened)
    return {"lists": len(made), "changed": sum(one.changed for one in made), "bytes": sum(one.bytes for one in made)}


def catch_up() -> dict:
    """Judges landed batches nobody judged and applies publications nobody applied."""
    from catalogs.load import load

    return {"judged": sum(len(check(resource_id)) for resource_id in load().resources), **issue()}


def remind() -> dict:
    """Writes the day's reminders down; warns of years whose holidays nobody has entered."""
    from quality.tickets.deadlines import record

    with hub() as opened:
        found = record(opened.catalog, database=opened.engine, now=now())
    for year in found.missing:
        logger.warning("holidays of %d are not in catalogs/workdays.yaml: due dates in it are assumed", year)
    return asdict(found)


def prove_log() -> dict:
    """Compares the database with the log; any difference fails the task and names the rows."""
    from license_hub.service.fsck import fsck

    with hub() as opened:
        report = fsck(opened)
    if report.findings:
        raise AirflowFailException(f"log and database differ: {report.findings[:20]}")
    return {"checked": report.checked}
