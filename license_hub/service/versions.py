"""License versions from text rows: fields, identifier, commitment, leaf, encrypted cells, encoded rows.

Pure computation over one `Job`, so that it runs the same in this process and in workers. Randomness comes from `entropy`, in a fixed
order for each row: secret (32 bytes), leaf id (16), serial (16, used by first versions only), two nonces (12 each).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring
from operator import itemgetter
from typing import NamedTuple

import pyarrow as pa

from license_hub.domain.identifier import mint, serial
from license_hub.domain.license import IDENTIFIER, holder_numbers
from license_hub.log.tree import leaf_hash
from license_hub.service.content import holder_form, number_form
from license_hub.service.reader import Said, compile_reader
from license_hub.service.recipe import Recipe
from license_hub.signing.commitment import commit, leaf
from license_hub.storage import tables
from license_hub.storage.bulk import Block, block
from license_hub.storage.crypt import Crypt
from license_hub.storage.licenses import secret_place

RANDOM_BYTES = 88
TABLES = (tables.license, tables.version, tables.holder, tables.leaf)
"""What a job fills, in the order of its blocks."""


@dataclass(frozen=True)
class Issuer:
    """An issuing organ of the batch and the attestation its rows will stand under."""

    code: str
    name: str
    attestation_id: str
    insecure: bool
    """Its key is a development key."""


@dataclass(frozen=True)
class Predecessor:
    """The newest version of a license that gets another one."""

    license_id: int
    entry: int
    version: int
    serial: str
    leaf_id: str
    status: str
    """State the new version starts from."""


class Seat(NamedTuple):
    """Where a row goes: its issuer (index into the job's), its place under that issuer's attestation, what was found of its holders."""

    issuer: int
    index: int
    verified: bool
    predecessor: Predecessor | None = None


@dataclass(frozen=True)
class Job:
    """Rows that become versions with consecutive entries."""

    recipe: Recipe
    rows: bytes
    """Arrow IPC stream of text rows."""
    first_entry: int
    issuers: tuple[Issuer, ...]
    seats: tuple[Seat, ...]
    publication: int
    as_of: str
    at: str
    dialect: str


@dataclass(frozen=True)
class Made:
    blocks: tuple[Block, ...]
    leaf_hashes: tuple[bytes, ...]


def make(job: Job, crypt: Crypt, entropy: Callable[[int], bytes] = os.urandom) -> Made:
    """All rows of a job. Raises ValueError for a row no license can be made of: a fault, quality should have stopped it."""
    rows = unpack(job.rows)
    maker = _Maker(job, crypt, entropy)
    read = compile_reader(job.recipe, rows.column_names)
    values = zip(*(column.to_pylist() for column in rows.columns), strict=True)
    for entry, (row, seat) in enumerate(zip(values, job.seats, strict=True), start=job.first_entry):
        maker.add(entry, read(row), seat)
    blocks = tuple(block(table, made, job.dialect) for table, made in zip(TABLES, maker.rows, strict=True))
    return Made(blocks, tuple(maker.hashes))


def pack(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def row_dicts(table: pa.Table) -> list[dict[str, str | None]]:
    """Faster than `to_pylist`: one pass a column."""
    names = table.column_names
    return [dict(zip(names, values, strict=True)) for values in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def flat_jcs(fields: Mapping[str, str]) -> bytes:
    """`signing.canonical.jcs` of an object of texts, in a third of its time: thousands of licenses share their few names."""
    template, values = _template(tuple(fields))
    return (template % tuple(map(encode_basestring, values(fields)))).encode()


@lru_cache(maxsize=1024)
def _template(names: tuple[str, ...]) -> tuple[str, Callable[[Mapping[str, str]], tuple[str, ...]]]:
    """The object with its names in canonical order (by UTF-16 code units, RFC 8785 §3.2.3), and what gets the values in that order."""
    order = sorted(names, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    template = "{" + ",".join(encode_basestring(name).replace("%", "%%") + ":%s" for name in order) + "}"
    # An itemgetter of fewer than two names gives no tuple.
    return template, itemgetter(*order) if len(order) > 1 else lambda fields: tuple(fields[name] for name in order)


class _Maker:
    """Collects the tuples of a job's tables."""

    def __init__(self, job: Job, crypt: Crypt, entropy: Callable[[int], bytes]):
        self.job, self.crypt, self.entropy = job, crypt, entropy
        self.rows: tuple[list[tuple], ...] = tuple([] for _ in TABLES)
        self.hashes: list[bytes] = []
        self._seal_payload = crypt.sealer("hub_version", "payload")
        self._seal_secret = crypt.sealer("hub_version", "secret")
        self._grades = {(verified, bad): job.recipe.grade(verified, bad) for verified in (True, False) for bad in (True, False)}

    def add(self, entry: int, said: Said, seat: Seat) -> None:
        job, old, index = self.job, seat.predecessor, self.crypt.blind_index
        issuer, kind, resource = job.issuers[seat.issuer], job.recipe.kind, job.recipe.resource
        random = self.entropy(RANDOM_BYTES)
        secret, leaf_id = random[:32], random[32:48].hex()
        number, version = (old.serial, old.version + 1) if old else (serial(random[48:64]), 1)
        identifier = mint(kind.type_code, issuer.code, number, version)
        committed = said.fields
        committed[IDENTIFIER], committed["ZZBFJGDM"] = identifier, issuer.code
        if issuer.name:
            committed["ZZBFJG"] = issuer.name
        status = old.status if old else said.status
        content = leaf("change" if old else "issue", leaf_id, job.at, commit(secret, committed), old.leaf_id if old else None, status)
        hashed = leaf_hash(content)
        licenses, versions, holders, leaves = self.rows
        key, license_id = index("key", said.key), old.license_id if old else entry
        if not old:
            licenses.append((entry, kind.id, resource, key, issuer.code, number))
        grade = self._grades[seat.verified, issuer.insecure]
        where = secret_place(entry, license_id, key, kind.id, resource, grade, seat.verified, job.as_of)
        versions.append(
            (
                *(entry, license_id, f"{version:03d}", identifier, kind.id, index("number", number_form(said.number))),
                *(self._seal_payload(entry, flat_jcs(committed), random[64:76]), self._seal_secret(where, secret, random[76:]), leaf_id),
                *(job.publication, issuer.attestation_id, seat.index, said.valid_from, said.valid_to, status),
                *(grade, seat.verified, job.as_of, job.at, old.entry if old else None),
            )
        )
        for position, one in enumerate(dict.fromkeys(holder_numbers(committed))):
            holders.append((entry, position, index("holder", holder_form(one))))
        leaves.append((entry, content, hashed))
        self.hashes.append(hashed)
