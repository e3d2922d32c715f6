"""One writing transaction of the log: entries given out under the lock, versions and status events inserted, organs' attestations made.

Used as a context: `open_ledger` locks the log first and, when the body ends, attests, advances the sequence and commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from license_hub.domain.lifecycle import Act, State
from license_hub.hashing import HASH_BYTES
from license_hub.log.tree import leaf_hash
from license_hub.service.behind import refuse_if_behind
from license_hub.service.crew import Crew
from license_hub.service.hub import Hub
from license_hub.service.recipe import Recipe
from license_hub.service.register_keys import register_opened
from license_hub.service.versions import Issuer, Job, Predecessor, pack
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


@dataclass(frozen=True)
class Candidates:
    """Rows of a table of text rows, ready to become versions."""

    places: np.ndarray
    issuers: tuple[tuple[str, str], ...]
    """(credit code, name) of the organs that occur."""
    issuer: np.ndarray
    """Each candidate's place among them."""
    verified: np.ndarray
    predecessors: Mapping[int, Predecessor] = field(default_factory=dict)
    """By the candidate's own place; the others are first versions."""

    def __len__(self) -> int:
        return len(self.places)

    def part(self, start: int, stop: int) -> Candidates:
        later = {at - start: one for at, one in self.predecessors.items() if start <= at < stop}
        return Candidates(self.places[start:stop], self.issuers, self.issuer[start:stop], self.verified[start:stop], later)


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
        refuse_if_behind(hub.tiles, self._next)
        # Under the log's lock no key changes: those that sign here are today's.
        hub.security.refresh(connection)
        self._first = self._next
        self._batches: dict[tuple[str, int, str], _Batch] = {}
        self._acts: tuple[list[tuple], list[tuple]] = ([], [])
        self.closing: list[Callable[[], None]] = []
        """What belongs to the transaction and needs all its rows: called in order after the last of them is in."""

    @property
    def entries(self) -> int:
        """Entries taken so far."""
        return self._next - self._first

    @property
    def next_entry(self) -> int:
        return self._next

    def add_versions(self, recipe: Recipe, rows: pa.Table, candidates: Candidates, origin: Origin) -> None:
        """Versions with consecutive entries, in the order of the candidates."""
        parts = (candidates.part(at, at + JOB_ROWS) for at in range(0, len(candidates), JOB_ROWS))
        jobs = (self._job(recipe, rows, part, origin) for part in parts)
        for (batches, batch), made in self._crew.run(jobs, len(candidates)):
            bulk.load(self.connection, made.blocks)
            hashes = np.frombuffer(made.leaf_hashes, f"V{HASH_BYTES}")
            for at, one in enumerate(batches):
                one.hashes += hashes[batch == at].tolist()

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
        """What the rest of the transaction needs: acts, attestations, organs' first keys, the sequence."""
        for table, rows in zip((tables.status, tables.leaf), self._acts, strict=True):
            bulk.insert(self.connection, table, rows)
        for batch in self._batches.values():
            self._attest(batch)
        register_opened(self.hub, self.connection, self.at)
        advance_log(self.connection, self._next)
        for last in self.closing:
            last()

    def _job(self, recipe: Recipe, rows: pa.Table, candidates: Candidates, origin: Origin) -> tuple[Job, tuple[list[_Batch], np.ndarray]]:
        """The job; the batches its rows stand under, and each row's place among these."""
        present, issuer = np.unique(candidates.issuer, return_inverse=True)
        organs = [candidates.issuers[at] for at in present]
        # One organ may write its name in several ways: the seal is the organ's, the name the row's.
        codes = list(dict.fromkeys(code for code, _ in organs))
        batches = [self._batch(code, origin) for code in codes]
        places = [codes.index(code) for code, _ in organs]
        batch = np.array(places, np.int32)[issuer]
        seats = {"_issuer": issuer.astype(np.int32), "_index": _seats(batches, batch), "_verified": candidates.verified}
        first, self._next = self._next, self._next + len(candidates)
        taken = _slice(rows, candidates.places)
        job = Job(
            recipe=recipe,
            rows=pack(pa.table({**dict(zip(taken.column_names, taken.columns, strict=True)), **seats})),
            first_entry=first,
            issuers=tuple(
                Issuer(*organ, batches[at].attestation_id, batches[at].insecure) for organ, at in zip(organs, places, strict=True)
            ),
            publication=origin.publication,
            as_of=origin.as_of,
            at=self.at,
            dialect=self.connection.dialect.name,
            predecessors=candidates.predecessors,
        )
        return job, (batches, batch)

    def _batch(self, code: str, origin: Origin) -> _Batch:
        where = (origin.resource, origin.publication, code)
        if where not in self._batches:
            insecure = self.hub.keyring.signer(f"organ/{code}").insecure
            self._batches[where] = _Batch(code, self.hub.entropy(16).hex(), insecure, origin)
        return self._batches[where]

    def _attest(self, batch: _Batch) -> None:
        root, tiles = seal.issuer_tree(batch.hashes)
        code, origin, size = batch.issuer_code, batch.origin, batch.taken
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


def _seats(batches: Sequence[_Batch], batch: np.ndarray) -> np.ndarray:
    """Each row's index under its attestation: the next free ones."""
    index = np.empty(len(batch), np.int64)
    for at, one in enumerate(batches):
        rows = np.flatnonzero(batch == at)
        index[rows] = np.arange(one.taken, one.taken + len(rows))
        one.taken += len(rows)
    return index


def _slice(rows: pa.Table, places: np.ndarray) -> pa.Table:
    """The rows at those places; a plain slice when they follow each other."""
    if len(places) and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
        return rows.slice(int(places[0]), len(places))
    return rows.take(pa.array(places))
