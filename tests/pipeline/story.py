"""The story of three bodies' tickets: its rows, its truth, and its steps. `python -m tests.pipeline.story` does steps in processes to kill.

Nothing here reads `quality`'s tables or files to say what is wrong: the truth is what was planted.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from catalogs.load import load
from connectors import pull
from connectors.landing import read_batch
from connectors.settings import EnvironmentCredentials
from license_hub.service.confirm_held import Answered, confirm
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import IntakeReport, apply_pending
from quality.engine import check
from quality.publications import reader
from quality.report import BatchReport
from quality.sql import compose, literal
from quality.store.tables_tickets import ticket_part, ticket_row
from quality.tickets.act import Request, act
from quality.tickets.opening import Opened, open_tickets
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role
from tests.license_hub.sample_hub import company, credit_code, options, wall_clock, write_csv
from tests.support import crash
from tests.support.nursery import Nursery, serve

RESOURCE, PARTITION = "legal_entity", "1"
ROWS = 20_000


@dataclass(frozen=True)
class Body:
    """An organ, the one rule its defects break, and how: so many bad rows, so many of them corrected later."""

    organ: str
    rule: str
    defect: dict[str, str]
    bad: int
    fixed: int


BODIES = (
    Body(credit_code(601, "11"), "legal_entity.status.in_codes", {"登记状态": "9"}, 400, 200),
    Body(credit_code(602, "11"), "legal_entity.status.not_null", {"登记状态": ""}, 350, 150),
    Body(credit_code(603, "11"), "legal_entity.name.not_null", {"单位名称": ""}, 250, 250),
)


class Source:
    """What the source has: companies by number, in turn of the three bodies."""

    def __init__(self, folder: Path, part: int = 1):
        """`part`: of everything a tenth, a hundredth …"""
        self.folder = folder
        self.rows = {number: company(number, 登记机关代码=BODIES[number % 3].organ) for number in range(ROWS // part)}
        mine = [[number for number in self.rows if number % 3 == at][: body.bad // part] for at, body in enumerate(BODIES)]
        self.bad = [number for numbers in mine for number in numbers]
        self.fixed = [number for body, numbers in zip(BODIES, mine, strict=True) for number in numbers[: body.fixed // part]]
        self.licensed = self.fixed[::2]
        """Of the rows corrected later, those that were well at first."""

    def key(self, number: int) -> str:
        return self.rows[number]["统一社会信用代码"]

    def keys(self, numbers: Iterable[int]) -> set[str]:
        return {self.key(number) for number in numbers}

    def spoil(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self.rows[number] |= BODIES[number % 3].defect

    def correct(self, numbers: Iterable[int]) -> None:
        """As the register has it: who was licensed has another name by now."""
        licensed = set(self.licensed)
        for number in numbers:
            name = f"样例第{number}号{'更名' if number in licensed else ''}贸易有限公司"
            self.rows[number] |= {"登记状态": "1", "单位名称": name}

    def truth(self) -> Path:
        """Body → rule → keys of the rows that are wrong, as a file."""
        told = {body.organ: {body.rule: sorted(self.key(one) for one in self.bad if BODIES[one % 3] is body)} for body in BODIES}
        path = self.folder / "truth.json"
        path.write_text(json.dumps(told), encoding="utf-8")
        return path

    def delivery(self, name: str) -> str:
        return str(write_csv(self.folder / f"{name}.csv", self.rows.values()))


def land(hub: Hub, path: str) -> str:
    source = hub.catalog.resources[RESOURCE]
    return pull(
        source, hub.lake, credentials=EnvironmentCredentials({}), now=hub.now(), input=Path(path), partition=PARTITION
    ).batch  # fmt: skip


def judge(hub: Hub, batch: str) -> BatchReport:
    landed = read_batch(hub.lake, RESOURCE, batch)
    return check(landed, hub.catalog, lake=hub.lake, database=hub.engine, now=hub.now(), operator="story")


def click(hub: Hub, batch: str, rule: str) -> list[Opened]:
    """One click of quality staff."""
    return open_tickets(hub.catalog, batch, [rule], lake=hub.lake, database=hub.engine, now=hub.now(), actor="staff")


def issue(hub: Hub) -> IntakeReport:
    return apply_pending(hub)


def review(hub: Hub, ticket: str) -> str:
    request = Request(ticket, Act.CONFIRM, Actor("reviewer", Role.QUALITY))
    return act(hub.catalog, request, database=hub.engine, now=hub.now())


def say_yes(hub: Hub, ticket: str, organ: str) -> Answered:
    return confirm(hub, ticket, organ, "clerk")


STEPS = {"land": land, "check": judge, "open": click, "intake": issue, "review": review, "confirm": say_yes}


def live(catalog, job: dict) -> None:
    """One step in a process that ends at `point`."""
    hub = open_hub(options(Path(job["folder"])), clock=wall_clock, catalog=catalog)
    crash.arm(*job["point"].split(), nth=job["nth"])
    STEPS[job["step"]](hub, *job["given"])
    hub.close()


@dataclass(frozen=True)
class Kill:
    """A step that is killed at a point."""

    folder: str
    step: str
    given: list[str]
    point: str
    nth: int = 1

    @property
    def job(self) -> dict:
        return asdict(self)


class Story:
    """One lake, and a nursery of processes that are killed in it."""

    def __init__(self, folder: Path, hub: Hub, nursery: Nursery | None = None):
        self.folder, self.hub, self.nursery = folder, hub, nursery

    def do(self, step: str, *given: str):
        return STEPS[step](self.hub, *given)

    def killed(self, step: str, *given: str, point: str, nth: int = 1) -> None:
        self.nursery.begin(Kill(str(self.folder), step, list(given), point, nth).job)
        assert self.nursery.ended() == -signal.SIGKILL, self.nursery.log.read_text()[-3000:]

    def killed_and_done(self, step: str, *given: str, point: str, nth: int = 1):
        """The step killed at that point, then done again by another process: its answer."""
        self.killed(step, *given, point=point, nth=nth)
        return self.do(step, *given)

    def rows(self, query: sa.Select) -> list[sa.Row]:
        with self.hub.engine.connect() as connection:
            return list(connection.execute(query))

    def count(self, table: sa.Table) -> int:
        return self.rows(sa.select(sa.func.count()).select_from(table))[0][0]

    def keys(self, name: str) -> dict[int, str]:
        """Row number → key of a ticket, from its files."""
        paths = [row.path for row in self.rows(sa.select(ticket_part.c.path).where(ticket_part.c.ticket == name))]
        found: dict[int, str] = {}
        with reader(self.hub.lake) as connection:
            for path in paths:
                query = compose('SELECT "row", key FROM read_parquet({path})', path=literal(self.hub.lake.named(self.hub.lake / path)))
                rows = connection.execute(query.text).fetchall()
                assert not found.keys() & {row for row, _ in rows}
                found |= dict(rows)
        return found

    def states(self) -> Counter:
        return Counter(row.state for row in self.rows(sa.select(ticket_row.c.state)))


if __name__ == "__main__":
    serve(partial(live, load()))
