"""Issue 4 on the real registry: its failing rules and scores by other code than ours, and tickets for its own dirt, all the way round."""

from __future__ import annotations

import csv
import gzip
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalogs.checkdigits import uscc, uscc_check
from connectors import pull
from connectors.settings import EnvironmentCredentials
from license_hub.service.confirm_held import confirm
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import IntakeReport, apply_pending
from license_hub.service.issued_of import issued, issued_for, waiting
from quality.engine import check
from quality.report import BatchReport
from quality.scores import now as scores_now
from quality.store.tables_tickets import ticket, ticket_row
from quality.tickets.act import Request, act
from quality.tickets.opening import Opened, open_tickets
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role
from tests.license_hub.sample_hub import options, wall_clock

RESOURCE = "enterprise_registry"
CODE, NAME, SCOPE, ADDRESS, CAPITAL = "统一社会信用代码", "企业名称", "经营范围", "注册地址", "注册资金"
RULES = tuple(f"{RESOURCE}.{one}" for one in ("credit_code.check_digit", "scope.clean_text", "scope.not_null", "address.clean_text",
                                              "address.not_null", "capital.parsed"))  # fmt: skip
EMPTY = ("", "N/A", "-")
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def well_formed(code: str) -> bool:
    """GB 32100's check character, worked out here once more."""
    if not re.fullmatch(f"[{ALPHABET}]{{18}}", code):
        return bool(re.fullmatch(r"[0-9]{15}", code))
    total = sum(ALPHABET.index(one) * weight for one, weight in zip(code, WEIGHTS, strict=False))
    return ALPHABET[(31 - total % 31) % 31] == code[17]


def legible(text: str) -> str:
    """Without characters of a private font, and with the point that somebody's conversion made a question mark."""
    return re.sub("[\ue000-\uf8ff]", "", text).replace("X?400", "X.400").replace("?", "·")


@dataclass
class Registry:
    """Guangxi's real rows in a lake of their own."""

    hub: Hub
    folder: Path
    rows: list[dict[str, str]]
    reports: list[BatchReport] = field(default_factory=list)

    def deliver(self, name: str) -> IntakeReport:
        path = self.folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(self.rows[0]))
            table.writeheader()
            table.writerows(self.rows)
        source, hub = self.hub.catalog.resources[RESOURCE], self.hub
        landed = pull(source, hub.lake, credentials=EnvironmentCredentials({}), now=hub.now(), input=path)
        self.reports.append(check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=hub.now(), operator="test"))
        return apply_pending(hub)

    def open(self) -> list[Opened]:
        hub, batch = self.hub, self.reports[-1].batch
        return open_tickets(hub.catalog, batch, RULES, lake=hub.lake, database=hub.engine, now=hub.now(), actor="staff")

    def states(self) -> Counter:
        with self.hub.engine.connect() as connection:
            return Counter(connection.scalars(sa.select(ticket_row.c.state)))

    def of_code(self, code: str) -> dict[str, str]:
        [row] = [one for one in self.rows if one[CODE].upper() == code]
        return row


@pytest.fixture(scope="module")
def registry(real_data, catalog, tmp_path_factory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    hub = open_hub(options(folder), clock=wall_clock, catalog=catalog)
    with gzip.open(real_data / "legal" / "enterprises_guangxi.csv.gz", "rt", encoding="utf-8-sig", newline="") as file:
        made = Registry(hub, folder, list(csv.DictReader(file)))
    made.deliver("first")
    yield made
    hub.close()


def test_rules_that_fail_are_those_that_other_code_finds(registry):
    failed = {rule: one["failed"] for rule, one in registry.reports[0].rules.items()}
    codes = [unicodedata.normalize("NFKC", row[CODE]).upper().strip() for row in registry.rows]
    assert failed[RULES[0]] == sum(not well_formed(code) for code in codes) == 4
    assert failed[f"{RESOURCE}.scope.not_null"] == sum(row[SCOPE].strip() in EMPTY for row in registry.rows) == 2
    assert failed[f"{RESOURCE}.address.not_null"] == sum(row[ADDRESS].strip() in EMPTY for row in registry.rows) == 1
    assert {rule for rule, count in failed.items() if count and rule in RULES} == set(RULES)


def test_scores_are_the_shares_that_the_failing_rules_leave(registry, catalog):
    with registry.hub.engine.connect() as connection:
        scored = scores_now(connection, catalog, RESOURCE)
    report, rows = registry.reports[0], len(registry.rows)
    total: dict[str, list[int]] = {}
    for measures in scored.by_body.values():
        for code, one in measures.items():
            sums = total.setdefault(code, [0, 0])
            sums[0] += one.satisfied
            sums[1] += one.evaluated
    failed = Counter()
    for rule in catalog.rules[RESOURCE]:
        failed[rule.indicator] += report.rules[rule.id]["failed"]
    for code in ("0105", "0201", "0501"):
        assert total[code][1] - total[code][0] == failed[code], code
    assert total["0303"][1] == rows and 0 < total["0201"][0] / total["0201"][1] < 1
    assert sum(one["0303"].evaluated for one in scored.by_body.values()) == rows, "every row is somebody's"


def test_tickets_for_real_dirt_go_all_the_way_round(registry):
    hub, first = registry.hub, registry.reports[0]
    opened = registry.open()
    by_rule = Counter()
    for one in opened:
        by_rule[one.rule] += one.rows
    assert by_rule == {rule: first.rules[rule]["failed"] for rule in RULES}
    assert all(uscc(one.body) for one in opened) and registry.states() == {"open": sum(by_rule.values())}

    corrected, right_codes = _correct(registry)
    report = registry.deliver("second")
    assert registry.states() == {"corrected": sum(by_rule.values())}
    assert registry.reports[-1].quarantined == 0
    # Right codes are rows nobody asked for by name: they are issued as any new row is. The others wait for their organ.
    assert (report.held, report.versions) == (len(corrected), 0) and report.issued == len(right_codes)
    standing = issued(hub, RESOURCE, corrected)
    assert {(one.version, one.held) for one in standing.values()} == {(1, "TICKET")} and standing.keys() == corrected

    for one in opened:
        asked = Request(one.ticket, Act.CONFIRM, Actor("reviewer", Role.QUALITY))
        assert act(hub.catalog, asked, database=hub.engine, now=hub.now()) == "CLOSED"
    done = [confirm(hub, one.ticket, one.organ, "clerk") for one in waiting(hub)]
    assert sum(one.versions for one in done) == len(corrected) and not any(one.left or one.waiting or one.issued for one in done)
    assert {one.version for one in issued(hub, RESOURCE, corrected).values()} == {2}
    named = {link.identifier for one in opened for link in issued_for(hub, one.ticket)}
    assert named == {one.identifier for one in issued(hub, RESOURCE, corrected).values()}
    with hub.engine.connect() as connection:
        assert set(connection.scalars(sa.select(ticket.c.state))) == {"CLOSED"}
    assert fsck(hub).findings == ()


def _correct(registry: Registry) -> tuple[set[str], set[str]]:
    """What the registry would do about its dirt: (credit codes of corrected rows that have a license, codes put right)."""
    corrected, codes = set(), set()
    for row in registry.rows:
        code = unicodedata.normalize("NFKC", row[CODE]).upper().strip()
        if not well_formed(code):
            row[CODE] = code[:17] + uscc_check(code[:17])
            codes.add(row[CODE])
            continue
        before = dict(row)
        row[SCOPE] = "日用百货销售" if row[SCOPE].strip() in EMPTY else legible(row[SCOPE])
        row[ADDRESS] = "南宁市" if row[ADDRESS].strip() in EMPTY else legible(row[ADDRESS])
        row[CAPITAL] = "104万元人民币" if row[CAPITAL] == "104()" else row[CAPITAL]
        if row != before:
            corrected.add(code)
    return corrected, codes
