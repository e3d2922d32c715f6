"""One writing transaction of the log: entries given out under the lock, versions and status events inserted, organs' attestations made.

Used as a context: `open_ledger` locks the log first and, when the body ends, attests, advances the sequence and commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from license_hub.domain.lifecycle import Act, State
from license_hub.log.tree import leaf_hash
from license_hub.service.crew import Crew
from license_hub.service.hub import Hub
from license_hub.service.recipe import Recipe
from license_hub.service.versions import Issuer, Job, Predecessor, Seat, pack
from license_hub.signing import seal
from license_hub.signing.commitment import act_secret, commit, instant, leaf
from license_hub.storage import bulk, tables
from license_hub.storage.engine import writing
from license_hub.storage.leaves import advance_log, lock_log
from license_hub.storage.licenses import Standing

JOB_ROWS = 4096
"""Rows of one job: some 6 MB of encoded rows."""


@dataclass(frozen=True)
class Origin:
    """Which publication rows come from."""

    resource: str
    publication: int
    as_of: str


class Candidate(NamedTuple):
    """Row `place` of a table of text rows, ready to become a version."""

    place: int
    issuer: tuple[str, str]
    verified: bool
    predecessor: Predecessor | None = None


@dataclass
class _Batch:
    """One organ's rows of one publication, until they are attested."""

    issuer_code: str
    attestation_id: str
    insecure: bool
    origin: Origin
    taken: int = 0
    hashes: list[bytes] = field(default_factory=list)


class Ledger:
    def __init__(self, hub: Hub, connection: sa.Connection, crew: Crew):
        self.hub = hub
        self.connection = connection
        self.at = instant(hub.now())
        self._crew = crew
        self._next = lock_log(connection)
        self._first = self._next
        self._batches: dict[tuple[str, int, str], _Batch] = {}
        self._acts: tuple[list[tuple], list[tuple]] = ([], [])

    @property
    def entries(self) -> int:
        """Entries taken so far."""
        return self._next - self._first

    def add_versions(self, recipe: Recipe, rows: pa.Table, candidates: Sequence[Candidate], origin: Origin) -> None:
        """Versions with consecutive entries, in the order of the candidates."""
        jobs = (self._job(recipe, rows, candidates[at : at + JOB_ROWS], origin) for at in range(0, len(candidates), JOB_ROWS))
        for job, made in self._crew.run(jobs, len(candidates)):
            bulk.load(self.connection, made.blocks)
            batches = [self._batches[origin.resource, origin.publication, one.code] for one in job.issuers]
            if len(batches) == 1:
                batches[0].hashes.extend(made.leaf_hashes)
                continue
            for seat, hashed in zip(job.seats, made.leaf_hashes, strict=True):
                batches[seat.issuer].hashes.append(hashed)

    def add_act(self, standing: Standing, act: Act, to: State, origin: Origin) -> None:
        """A status event on the license's newest version, with the publication as its evidence."""
        leaf_id = self.hub.entropy(16).hex()
        stated = {"act": act.value, "state": to.value}
        commitment = commit(act_secret(standing.secret, leaf_id), stated)
        content = leaf("status", leaf_id, self.at, commitment, standing.leaf_id, to.value)
        event = (self._next, standing.license_id, standing.entry, to.value, act.value, None, None, None, None)
        self._acts[0].append((*event, origin.publication, self.at, leaf_id))
        self._acts[1].append((self._next, content, leaf_hash(content)))
        self._next += 1

    def finish(self) -> None:
        """What the rest of the transaction needs: acts, attestations, the sequence."""
        for table, rows in zip((tables.status, tables.leaf), self._acts, strict=True):
            bulk.insert(self.connection, table, rows)
        for batch in self._batches.values():
            self._attest(batch)
        advance_log(self.connection, self._next)

    def _job(self, recipe: Recipe, rows: pa.Table, candidates: Sequence[Candidate], origin: Origin) -> Job:
        issuers: dict[tuple[str, str], int] = {}
        made: list[Issuer] = []
        batches: list[_Batch] = []
        seats = []
        for _, issuer, verified, predecessor in candidates:
            place = issuers.get(issuer)
            if place is None:
                # One organ may write its name in several ways: the seal is the organ's, the name the row's.
                place = issuers[issuer] = len(made)
                batches.append(self._batch(issuer[0], origin))
                made.append(Issuer(*issuer, batches[place].attestation_id, batches[place].insecure))
            batch = batches[place]
            seats.append(Seat(place, batch.taken, verified, predecessor))
            batch.taken += 1
        first, self._next = self._next, self._next + len(candidates)
        return Job(
            recipe=recipe,
            rows=pack(_slice(rows, [one.place for one in candidates])),
            first_entry=first,
            issuers=tuple(made),
            seats=tuple(seats),
            publication=origin.publication,
            as_of=origin.as_of,
            at=self.at,
            dialect=self.connection.dialect.name,
        )

    def _batch(self, code: str, origin: Origin) -> _Batch:
        where = (origin.resource, origin.publication, code)
        if where not in self._batches:
            insecure = self.hub.keyring.signer(f"organ/{code}").insecure
            self._batches[where] = _Batch(code, self.hub.entropy(16).hex(), insecure, origin)
        return self._batches[where]

    def _attest(self, batch: _Batch) -> None:
        root, tiles = seal.issuer_tree(batch.hashes)
        code, origin, size = batch.issuer_code, batch.origin, len(batch.hashes)
        signer = self.hub.keyring.signer(f"organ/{code}")
        made = seal.attest(signer, code, size, root, self.at, resource=origin.resource, publication=origin.publication)
        head = (batch.attestation_id, code, origin.resource, origin.publication, size, root)
        bulk.insert(self.connection, tables.attestation, [(*head, made.kid, made.alg, made.statement, made.signature, self.at)])
        rows = [(batch.attestation_id, level, index, data) for (level, index), data in sorted(tiles.items())]
        bulk.insert(self.connection, tables.attestation_tile, rows)


@contextmanager
def open_ledger(hub: Hub, crew: Crew) -> Iterator[Ledger]:
    """One transaction; everything of it or nothing."""
    with writing(hub.engine) as connection:
        ledger = Ledger(hub, connection, crew)
        yield ledger
        ledger.finish()


def _slice(rows: pa.Table, places: list[int]) -> pa.Table:
    """The rows at those places; a plain slice when they follow each other."""
    if places and places[-1] - places[0] == len(places) - 1 and places == list(range(places[0], places[-1] + 1)):
        return rows.slice(places[0], len(places))
    return rows.take(pa.array(places, pa.int64()))
