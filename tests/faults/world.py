"""A hub on a PostgreSQL of its own with departments that keep delivering, and the account of what must be true whatever was killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import sqlalchemy as sa

from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage import tables
from tests.license_hub.service.conftest import Options
from tests.license_hub.service.publishing import Publisher, credit_code, entity
from tests.support import nursery
from tests.support.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
IN_FORCE, REVOKED = "1", "3"
CODES = {IN_FORCE: "IN_FORCE", REVOKED: "REVOKED"}


def wall_clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class World:
    cluster: Cluster
    options: Options
    hub: Hub
    publisher: Publisher
    folder: Path
    stated: dict[int, str] = field(default_factory=dict)
    """Company → the status its department stated last."""
    acts: int = 0
    """Status acts that those statements make."""
    partitions: int = 0
    seen: dict[int, str] = field(default_factory=dict)
    """Entry → identifier of every version somebody could read once: it may never be gone, nor be another."""

    def deliver(self, rows: int, revoked: int = 0) -> None:
        """One publication of new companies; if asked, before it another that says some of the former delivery's are revoked."""
        if revoked and self.partitions:
            first = len(self.stated) - self._last
            again = range(first, len(self.stated))
            for number in list(again)[:revoked]:
                self.acts += self.stated[number] == IN_FORCE
                self.stated[number] = REVOKED
            self._publish(self.partitions, again)
        self.partitions += 1
        first = len(self.stated)
        self.stated.update(dict.fromkeys(range(first, first + rows), IN_FORCE))
        self._last = rows
        self._publish(self.partitions, range(first, first + rows))

    def _publish(self, partition: int, numbers: range) -> None:
        rows = [entity(number, status=self.stated[number]) for number in numbers]
        self.publisher.publish("legal_entity", rows, partition=str(partition))

    def look(self) -> None:
        """Remembers what is committed by now."""
        query = sa.select(tables.version.c.entry, tables.version.c.identifier).where(tables.version.c.entry > max(self.seen, default=-1))
        with self.hub.engine.connect() as connection:
            self.seen |= {row.entry: row.identifier for row in connection.execute(query)}

    def settle(self) -> None:
        """The next run after an accident: the same command again, nothing else."""
        apply_pending(self.hub)

    def account(self) -> dict[str, list]:
        """What is wrong, by kind; each list must be empty."""
        with self.hub.engine.connect() as connection:
            made = connection.execute(sa.select(tables.version.c.entry, tables.version.c.identifier, tables.version.c.number_bi)).all()
            acts = connection.scalar(sa.select(sa.func.count()).select_from(tables.status))
            leaves = connection.scalar(sa.select(sa.func.count()).select_from(tables.leaf))
        index = self.hub.crypt.blind_index
        meant = {index("number", credit_code(number)): number for number in self.stated}
        found = [meant.get(bytes(row.number_bi)) for row in made]
        once, kept = set(found), {row.entry: row.identifier for row in made}
        return {
            "vanished": sorted(entry for entry, identifier in self.seen.items() if kept.get(entry) != identifier),
            "lost": sorted(set(self.stated) - once),
            "doubled": sorted(one for one in once if found.count(one) > 1) if len(found) != len(once) else [],
            "strangers": [one for one in found if one is None],
            "acts": [] if acts == self.acts else [acts, self.acts],
            "leaves": [] if leaves == len(self.stated) + self.acts else [leaves],
            "unverifiable": self._unverifiable(),
            "fsck": [str(one) for one in fsck(self.hub).findings],
        }

    def _unverifiable(self) -> list[tuple[int, str]]:
        wrong, numbers = [], list(self.stated)
        for at in range(0, len(numbers), 256):
            part = numbers[at : at + 256]
            asked = [VerifyRequest(type_id="business_license", number=credit_code(n), holder_number=credit_code(n)) for n in part]
            answers = zip(part, verify(self.hub, asked), strict=True)
            wrong += [(n, one.verdict.code) for n, one in answers if one.verdict.code != CODES[self.stated[n]]]
        return wrong


CLEAN = {"vanished": [], "lost": [], "doubled": [], "strangers": [], "acts": [], "leaves": [], "unverifiable": [], "fsck": []}


@contextmanager
def world(cluster: Cluster, folder: Path, catalog, lake: Path | None = None) -> Iterator[World]:
    options = Options(cluster.create("hub"), lake or folder / "lake", folder / "keys", folder / "keys-root")
    hub = open_hub(options, clock=wall_clock, catalog=catalog)
    try:
        yield World(cluster, options, hub, Publisher(hub), folder)
    finally:
        hub.close()


class Nursery(nursery.Nursery):
    """Starts processes of the hub (`tests.faults.nursery`)."""

    def __init__(self, options: Options, log: Path):
        self._options = options
        super().__init__("tests.faults.nursery", log)

    def start(self, act: str = "intake", point: str = "", nth: int = 1, workers: int = 0) -> int:
        """The new process's pid."""
        o = self._options
        job = {"database": o.database_url, "lake": str(o.lake), "keys": str(o.keys)}
        return self.begin(job | {"act": act, "point": point, "nth": nth, "workers": workers})

    def killed(self, dice: Random, most: float, **job: object) -> int:
        """Starts a process and kills it after a random time of at most that many seconds; its exit code."""
        pid = self.start(**job)
        time.sleep(dice.uniform(0, most))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.ended()
