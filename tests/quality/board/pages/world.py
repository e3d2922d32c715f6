"""A few days of sample companies through the engine: bodies with different dirt, a delivery the gate stops, tickets, one of them overdue.

Nothing is written into tables by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from catalogs.model import Catalog
from connectors.landing import land
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from quality.engine import check
from quality.report import BatchReport
from quality.tickets.opening import open_tickets
from tests.license_hub.sample_hub import company, credit_code
from tests.quality.deliveries import Typed

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
DIVISIONS = ("990101", "990102", "990201", "990301")
ID_RULE, CAPITAL_RULE, NAME_RULE = (f"legal_entity.{one}" for one in ("credit_code.check_digit", "capital.parsed", "legal_rep.clean_text"))


@dataclass
class World:
    """A hub and what went through it."""

    hub: Hub
    now: datetime = NOW
    reports: list[BatchReport] = field(default_factory=list)

    @property
    def catalog(self) -> Catalog:
        return self.hub.catalog

    @property
    def database(self) -> sa.Engine:
        return self.hub.engine

    def deliver(self, rows: list[dict[str, str]], at: datetime, resource: str = "legal_entity", partition: str | None = "1") -> BatchReport:
        feed = Typed([tuple(one.values()) for one in rows], columns=tuple(rows[0]), as_of=at)
        landed = land(self.catalog.resources[resource], feed, self.hub.lake, now=at, partition=partition)
        report = check(landed, self.catalog, lake=self.hub.lake, database=self.database, now=at, operator="first person")
        self.reports.append(report)
        return report

    def open(self, batch: str, rules: list[str], at: datetime) -> list:
        return open_tickets(self.catalog, batch, rules, lake=self.hub.lake, database=self.database, now=at, actor="quality-1")


def organ(catalog: Catalog, division: str) -> tuple[str, str]:
    """Credit code and name of the registrar of a division."""
    return catalog.organs[f"9{division}"]


def companies(catalog: Catalog, bad_ids: int, bad_capital: int, changed: str = "", bad_names: int = 0) -> list[dict[str, str]]:
    """40 companies of four bodies: bad credit codes at the first, capital that cannot be read at the second, names at the fourth."""
    rows = []
    for at in range(40):
        division = DIVISIONS[at % 4]
        code, name = organ(catalog, division)
        row = company(5000 + at, 登记区划=division, 登记机关=name, 登记机关代码=code, 住所=f"样例路{at}号{changed}")
        if at % 4 == 0 and at // 4 < bad_ids:
            row["统一社会信用代码"] = row["统一社会信用代码"][:-1] + ("A" if row["统一社会信用代码"][-1] != "A" else "B")
        if at % 4 == 1 and at // 4 < bad_capital:
            row["注册资本"] = "若干"
        if at % 4 == 3 and at // 4 < bad_names:
            row["法定代表人"] = "样例?"
        rows.append(row)
    return rows


def institutions(catalog: Catalog, count: int = 8) -> list[dict[str, str]]:
    """Public institutions: another partition of the same resource."""
    code, name = organ(catalog, "990201")
    return [
        company(7000 + at, 登记区划="990201", 登记机关=name, 登记机关代码=code, 机构类型="2", 统一社会信用代码=credit_code(7000 + at, "12"))
        for at in range(count)
    ]


def made(hub: Hub, now: datetime = NOW) -> World:
    """35 days ago good, then worse, a stopped delivery yesterday, today two deliveries; tickets from 30 days ago and today; licenses."""
    world, day = World(hub, now), timedelta(days=1)
    old = world.deliver(companies(hub.catalog, 0, 2), now - 35 * day)
    world.open(old.batch, [CAPITAL_RULE], now - 30 * day)
    world.deliver(companies(hub.catalog, 1, 3, "甲"), now - 2 * day)
    world.deliver(companies(hub.catalog, 10, 3, "乙"), now - day)
    world.deliver(institutions(hub.catalog), now - timedelta(hours=5), partition="2")
    new = world.deliver(companies(hub.catalog, 3, 4, "丙", bad_names=2), now - timedelta(hours=4))
    world.open(new.batch, [ID_RULE], now - timedelta(hours=1))
    apply_pending(hub)
    return world
