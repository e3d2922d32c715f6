"""Reads everything stored again and compares: rows with leaves, leaves with tiles, tiles with checkpoints, rows with attestations;
audit entries with their own log.

Every finding names table (or file), row and what differs, never a value. Nothing is repaired: what is right is for people to decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from license_hub.service.hub import Hub
from license_hub.service.inspect_audit import inspect_audit
from license_hub.service.inspect_calls import inspect_calls
from license_hub.service.inspect_cases import inspect_cases
from license_hub.service.inspect_log import inspect_log
from license_hub.service.inspect_rows import inspect_rows
from license_hub.service.inspect_seals import inspect_seals
from license_hub.service.integrate import as_integrator
from license_hub.service.logs import audit, licenses
from license_hub.storage.engine import reading


@dataclass(frozen=True)
class Finding:
    table: str
    row: str
    what: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.what}"


@dataclass
class Findings:
    """Collects what the inspections find and how much they looked at."""

    found: list[Finding] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, row: object, what: str) -> None:
        self.found.append(Finding(table, str(row), what))


@dataclass(frozen=True)
class FsckReport:
    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    """Table or kind of file → rows or files read."""


def fsck(hub: Hub) -> FsckReport:
    """One pass over one state of the database for each log; no tile is written meanwhile, licenses may be issued and verified."""
    findings = Findings()
    with as_integrator(hub), reading(hub.engine, one_state=True) as connection:
        hashes, seats = inspect_rows(hub, connection, findings)
        inspect_seals(hub, connection, seats, findings)
        inspect_calls(hub, connection, findings)
        inspect_cases(hub, connection, findings)
        inspect_log(hub, licenses(hub), connection, hashes, findings)
    kept = audit(hub)
    with as_integrator(hub, kept), reading(hub.engine, one_state=True) as connection:
        inspect_log(hub, kept, connection, inspect_audit(hub, connection, findings), findings)
    return FsckReport(tuple(findings.found), dict(findings.checked))
