"""A house over one small resource: two bodies with failing rows, some of them secret."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from catalogs.model import Field
from catalogs.quality import Responsible
from quality.tickets.opening import open_tickets
from tests.quality.board.house import House
from tests.quality.deliveries import rule
from tests.quality.test_tickets import LOOSE

FIELDS = (
    Field("code", "编号", "编号", "certificate_number", required=True),
    Field("name", "名称", "单位名称", "person_name", sensitivity=3),
    Field("kind", "类别", "类别", "text"),
    Field("organ", "机关代码", "机关代码", "uscc"),
)
HEADERS = tuple(one.source for one in FIELDS)
NAMELESS, ODD = "thing.name.pattern", "thing.kind.pattern"
SECRET = "样例密名"
"""A value nobody may read without having said why; it fails NAMELESS."""
RULES = tuple(
    replace(one, sentence=sentence)
    for one, sentence in (
        (rule("not_null", "code"), "编号不能为空"),
        (rule("pattern", "name", regex="好.*"), "名称应以好字开头"),
        (rule("pattern", "kind", severity="warn", regex="[甲乙]"), "类别只能是甲或乙"),
    )
)


@dataclass
class World:
    """A house, its bench and two bodies."""

    house: House
    north: str
    south: str

    @property
    def bench(self):
        return self.house.bench

    def deliver(self, *rows) -> str:
        return self.bench.deliver(*rows, columns=HEADERS).batch

    def bad(self, count: int = 3, who: str = "", start: int = 1) -> list[tuple]:
        return [(f"A{at}", SECRET + str(at), "甲", who or self.north) for at in range(start, start + count)]

    def good(self, count: int = 3, who: str = "", start: int = 1) -> list[tuple]:
        return [(f"A{at}", f"好{at}", "甲", who or self.north) for at in range(start, start + count)]

    def open(self, batch: str, *rules: str) -> list[int]:
        made = open_tickets(
            self.bench.catalog, batch, rules or (NAMELESS,), lake=self.bench.lake, database=self.bench.database, now=self.bench.now,
            actor="staff",
        )  # fmt: skip
        return [one.number for one in made]


@pytest.fixture
def world(bench, catalog) -> World:
    made = bench(rules=RULES, limits=LOOSE, fields=FIELDS, order_by=None, responsible=Responsible(organ="organ"), title="样例事项")
    made.catalog = replace(made.catalog, divisions=catalog.divisions)
    north, south = (catalog.organs[one][0] for one in ("9990101", "9990102"))
    return World(House(made), north, south)
