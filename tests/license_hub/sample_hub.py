"""A small real hub for the tests of API, pages and command line: sample companies delivered, checked, published, issued.

Nothing is written into tables by hand: rows go in as a department's CSV and come out as licenses.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from catalogs.checkdigits import organization_check, uscc_check
from catalogs.model import Catalog
from connectors import pull
from connectors.settings import EnvironmentCredentials
from license_hub import settings
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import grant_of
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.keep_grants import give
from license_hub.service.open_case import Applicant, Opening, open_case
from license_hub.service.register_client import Client
from license_hub.storage.engine import reading
from license_hub.storage.idempotency import call_of
from license_hub.storage.tables import version
from quality.engine import check
from tests.support import schema

NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
REGISTRAR = "样例市市场监督管理局"

STATUSES = {"IN_FORCE": "1", "CANCELLED": "2", "REVOKED": "3", "WITHDRAWN": "4", "MOVED_OUT": "5"}
"""Verdict code → status code of the sample department."""


@dataclass
class Clock:
    """A clock the test moves."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


def wall_clock() -> datetime:
    """Real time, for hubs that a server process opens as well."""
    return datetime.now(UTC)


def credit_code(number: int, first: str = "91") -> str:
    """A sample credit code in division 990101 with right check characters."""
    body = f"{number:08d}"
    base = f"{first}990101{body}{organization_check(body)}"
    return base + uscc_check(base)


def company(number: int, status: str = "1", **changes: str) -> dict[str, str]:
    """One row of the legal_entity delivery, by source header."""
    row = {
        "统一社会信用代码": credit_code(number),
        "单位名称": f"样例第{number}号贸易有限公司",
        "机构类型": "1",
        "法定代表人": "样例甲",
        "法定代表人证件号码": "",
        "成立日期": "2020-01-02",
        "注册资本": "100万元人民币",
        "业务范围": "日用百货销售",
        "登记区划": "990101",
        "住所": f"样例省样例市样例路{number}号",
        "登记机关": REGISTRAR,
        "登记机关代码": credit_code(2, "11"),
        "有效期至": "",
        "登记状态": status,
        "核准日期": "2024-05-06",
    }
    return row | changes


def write_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    listed = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(listed[0]))
        table.writeheader()
        table.writerows(listed)
    return path


def options(folder: Path, database_url: str | None = None, **changes: object) -> settings.Settings:
    """Settings of a hub below `folder`, without worker processes."""
    environ = {"HUB_LAKE": str(folder / "lake"), "HUB_KEYS": str(folder / "keys"), "HUB_WORKERS": "0"}
    return replace(settings.read(environ | ({"HUB_DATABASE_URL": database_url} if database_url else {})), **changes)


def deliver(hub: Hub, path: Path, resource: str = "legal_entity", partition: str | None = "1") -> object:
    """The file through landing, checking, publishing and issuing; the check's report."""
    landed = pull(
        hub.catalog.resources[resource], hub.lake, credentials=EnvironmentCredentials({}), now=hub.now(), input=path, partition=partition
    )
    report = check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=hub.now(), operator="test")
    apply_pending(hub)
    return report


def sample_hub(folder: Path, catalog: Catalog, database_url: str | None = None, clock: Clock | None = None, **changes: object) -> Hub:
    """A hub with one license for each status of STATUSES and 20 more in force."""
    if database_url is None:
        schema.sqlite(folder / "lake" / "hub.db")
    hub = open_hub(options(folder, database_url, **changes), clock=clock or Clock(), catalog=catalog)
    rows = [company(1000 + place, status) for place, status in enumerate(STATUSES.values())]
    rows += [company(2000 + place) for place in range(20)]
    deliver(hub, write_csv(folder / "legal_entity.csv", rows))
    return hub


def principal_of(hub: Hub, client: Client) -> Principal:
    """As whom the client calls once its token is checked."""
    kid = hub.keyring.signer("token").kid
    return Principal(client.client_id, frozenset(client.scopes), frozenset(client.types), organ=client.organ, kid=kid)


def opened_case(hub: Hub, principal: Principal, case_no: str, *numbers: str) -> int:
    """A case of that client, about the sample companies of those credit codes, with use grants for all its types; its id."""
    until = (hub.now() + timedelta(days=365)).date()
    with reading(hub.engine) as connection:
        granted = {kind for kind in principal.types if grant_of(connection, principal.client_id, kind, "food_permit_new")}
    for kind in sorted(principal.types - granted):
        give(hub, principal.client_id, kind, "food_permit_new", until, "样例政数〔2026〕1号", "test")
    parties = zip(("applicant", "legal_rep", "agent"), numbers or (credit_code(2001),), strict=False)
    applicants = [Applicant(party, "样例申请人", number) for party, number in parties]
    asked = Opening(case_no, "food_permit_new", applicants, "窗口07", "7", "990101", "990101")
    once = call_of(hub.crypt, principal.client_id, "POST /v1/cases", f"case-{uuid4().hex}", b"")
    return int(open_case(hub, asked, principal=principal, request_id="c" * 32, once=once)[0]["case_id"])


def identifiers(hub: Hub) -> list[str]:
    """All identifiers, in the order of issue."""
    with hub.engine.connect() as connection:
        return list(connection.execute(sa.select(version.c.identifier).order_by(version.c.entry)).scalars())


def identifier_of(hub: Hub, number: str) -> str:
    """The newest identifier of the license with that certificate number."""
    with hub.engine.connect() as connection:
        query = sa.select(version.c.identifier).where(version.c.number_bi == hub.crypt.blind_index("number", number))
        return connection.execute(query.order_by(version.c.entry.desc())).scalars().first()
