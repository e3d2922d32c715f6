"""A year of daily scores for the bench of the overview: 5 resources, 300 rules, 34 bodies, 20 indicators, tickets; made by the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from itertools import product

import sqlalchemy as sa

from catalogs.model import Catalog
from quality.report import COUNTS
from quality.store import tables
from quality.store.tables_tickets import ticket
from quality.store.tables_totals import total
from quality.tickets.states import State

RULES, DAYS = 300, 365
KINDS = "95"
"""Registrars of each division: bodies."""
TICKETS = 400
_SCORES = sa.text("""
    INSERT INTO quality_score (batch, body, division, indicator, resource, satisfied, evaluated, errored, skipped)
    SELECT batch.batch, body.code, body.division, code.code, batch.resource,
           CASE WHEN code.code IN ('0303', '0305') THEN (hashtext(batch.batch || body.code || code.code) & 1023) % 40
                ELSE 1000 - (hashtext(batch.batch || body.code || code.code) & 1023) % (1 + (hashtext(body.code || code.code) & 255)) END,
           1000, 0, 0
    FROM quality_batch AS batch CROSS JOIN unnest(CAST(:bodies AS text[]), CAST(:divisions AS text[])) AS body(code, division)
         CROSS JOIN unnest(CAST(:codes AS text[])) AS code(code)
""")
_OUTCOMES = sa.text("""
    INSERT INTO quality_outcome (batch, rule, resource, indicator, severity, evaluated, failed, undefined, errored, skipped, detail)
    SELECT batch, resource || '.bench.' || rule, resource, '0302', CASE WHEN rule % 3 = 0 THEN 'warn' ELSE 'reject' END, 34000,
           CASE WHEN rule % 5 = 0 THEN hashtext(batch || rule) & 511 ELSE 0 END, 0, 0, 0, ''
    FROM quality_batch CROSS JOIN generate_series(1, :rules) AS rule
""")


def fill(engine: sa.Engine, catalog: Catalog, now: datetime) -> dict[str, int]:
    """Rows of each table."""
    places = [catalog.organs[kind + code] + (code,) for code, kind in product(_divisions(catalog), KINDS)]
    with engine.begin() as connection:
        batches = _batches(connection, catalog, now)
        bodies = {"bodies": [code for code, _, _ in places], "divisions": [code for _, _, code in places]}
        made = {"batches": len(batches), "bodies": len(places)}
        made["scores"] = connection.execute(_SCORES, bodies | {"codes": list(catalog.indicators)}).rowcount
        made["outcomes"] = connection.execute(_OUTCOMES, {"rules": RULES // len(catalog.resources)}).rowcount
        made["totals"] = _totals(connection)
        made["tickets"] = _tickets(connection, [code for code, _, _ in places], batches[-1], now)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    return made


def _divisions(catalog: Catalog) -> list[str]:
    """Of the sample province, in use."""
    return [code for code, one in catalog.divisions.items() if code.startswith("99") and one.until is None]


def _batches(connection: sa.Connection, catalog: Catalog, now: datetime) -> list[str]:
    """One delivery a day and resource, published."""
    counts = dict.fromkeys(COUNTS, 0) | {"read": 34_000, "trusted": 33_900, "quarantined": 100}
    lines, published = [], []
    for day, (number, resource) in product(range(DAYS, 0, -1), enumerate(catalog.resources)):
        at = now - timedelta(days=day - 1, hours=2, minutes=number)
        name = f"{resource}-{at:%Y%m%dT%H%M%S}-{number:08x}"
        report = counts | {"batch": name, "rules": {}, "seconds": {}, "quarantine": "", "gate": "pass"}
        line = {"batch": name, "resource": resource, "partition": "", "content_hash": name, "catalog_version": catalog.version, "as_of": at}
        weights = {"version": "1", "of": dict(catalog.weights.of(resource))}
        lines.append(line | {"status": "published", "operator": "bench", "report": report, "reasons": [], "checked_at": at,
                             "weights": weights})  # fmt: skip
        published.append(line | {"number": DAYS - day + 1, "parent": DAYS - day, "counts": counts, "created_at": at, "rows_path": "",
                                 "changes_path": "", "pushed": False})  # fmt: skip
    connection.execute(sa.insert(tables.batch), lines)
    connection.execute(sa.insert(tables.publication), published)
    return [one["batch"] for one in lines]


def _totals(connection: sa.Connection) -> int:
    """As the migration makes them of scores that are there."""
    import_module("quality.store.migrations.versions.0008_totals")._fill(connection, total)
    return connection.scalar(sa.select(sa.func.count()).select_from(total))


def _tickets(connection: sa.Connection, bodies: list[str], batch: str, now: datetime) -> int:
    """Half of them closed, some of the others overdue."""
    lines = [
        {
            "ticket": f"{number:032x}", "number": number, "kind": "rule", "rule": f"bench.{number}", "resource": "legal_entity",
            "body": bodies[number % len(bodies)], "handler": bodies[number % len(bodies)], "division": "990101", "batch": batch,
            "opened_by": "bench", "opened_at": now - timedelta(days=40), "due_on": f"{now - timedelta(days=number % 20 - 10):%Y-%m-%d}",
            "phase": State.ISSUED, "returned": False, "disputed": False, "extension_asked": False, "rows_open": 5, "rows_corrected": 0,
            "rows_closed": 0, "state": State.CLOSED if number % 2 else State.ISSUED, "closed_at": now if number % 2 else None,
        }
        for number in range(1, TICKETS + 1)
    ]  # fmt: skip
    connection.execute(sa.insert(ticket), lines)
    return len(lines)
