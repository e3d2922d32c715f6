"""License versions from text rows: fields, identifiers, commitments, leaves, encrypted cells, encoded rows, column by column.

Pure computation over one `Job`, so that it runs the same in this process and in workers. Randomness comes from `entropy`, RANDOM_BYTES
for each row: secret (32 bytes), leaf id (16), serial (16, used by first versions only), two nonces (12 each).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from license_hub.domain.identifier import mint
from license_hub.domain.license import IDENTIFIER, holder_numbers
from license_hub.hashing import bytes_of, column_of, flat, hexed
from license_hub.service.content import holder_form, number_form
from license_hub.service.minting import first_identifiers, serials
from license_hub.service.reader import Said, read, replaced
from license_hub.service.recipe import Recipe
from license_hub.signing.columns import commit_each, jcs_each, leaf_hashes, leaves
from license_hub.signing.commitment import leaf
from license_hub.storage import tables
from license_hub.storage.bulk import Block, block
from license_hub.storage.crypt import Crypt
from license_hub.storage.licenses import secret_places

RANDOM_BYTES = 88
_PARTS = {"secret": (0, 32), "leaf_id": (32, 48), "serial": (48, 64), "payload_nonce": (64, 76), "secret_nonce": (76, 88)}
_UNFORMED = r"[^\x21-\x60\x7b-\x7e]"
"""A number with a character that its form for look-ups may change."""
_LISTED_OR_OLD = f"{_UNFORMED}|;|^[0-9]{{15}}$"


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


@dataclass(frozen=True)
class Job:
    """Rows that become versions with consecutive entries."""

    recipe: Recipe
    rows: bytes
    """Arrow IPC stream of text rows and, by row, `_issuer` (place in `issuers`), `_index` (under its attestation), `_verified`."""
    first_entry: int
    issuers: tuple[Issuer, ...]
    publication: int
    as_of: str
    at: str
    dialect: str
    predecessors: Mapping[int, Predecessor] = field(default_factory=dict)
    """By the row's place; the others are first versions."""


@dataclass(frozen=True)
class Made:
    """Encoded rows of hub_license, hub_version, hub_holder and hub_leaf; `leaf_hashes` one after the other."""

    blocks: tuple[Block, ...]
    leaf_hashes: bytes


def make(job: Job, crypt: Crypt, entropy: Callable[[int], bytes]) -> Made:
    """All rows of a job. Raises ValueError for a row no license can be made of: a fault, quality should have stopped it."""
    rows = unpack(job.rows)
    return _Maker(job, crypt, rows, read(job.recipe, rows), entropy(RANDOM_BYTES * rows.num_rows)).made()


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


def number_forms(numbers: pa.StringArray) -> pa.StringArray:
    """`number_form` of each; none is NULL."""
    return replaced(numbers, pc.match_substring_regex(numbers, _UNFORMED), number_form)


def holder_forms(entry: pa.Array, numbers: pa.StringArray) -> tuple[pa.Array, pa.Array | int, pa.StringArray]:
    """(entry, position, `holder_form`) of every holder; `numbers` are the entries' committed lists, NULL where there is none."""
    if pc.any(pc.match_substring_regex(numbers, _LISTED_OR_OLD)).as_py():
        lists = [list(dict.fromkeys(holder_numbers({"CZZTDM": one or ""}))) for one in numbers.to_pylist()]
        entry = pa.array([at for at, found in zip(entry.to_pylist(), lists, strict=True) for _ in found], pa.int64())
        position = pa.array([at for found in lists for at in range(len(found))], pa.int64())
        return entry, position, pa.array([holder_form(one) for found in lists for one in found], pa.string())
    return entry.filter(pc.is_valid(numbers)), 0, numbers.drop_null()


class _Maker:
    """A job's columns. `old` is whatever a predecessor says instead, row by row: few rows have one."""

    def __init__(self, job: Job, crypt: Crypt, rows: pa.Table, said: Said, random: bytes):
        self.job, self.crypt, self.said, self.size = job, crypt, said, rows.num_rows
        self._random = np.frombuffer(random, np.uint8).reshape(self.size, RANDOM_BYTES)
        self._issuer, self._index, self._verified = (flat(rows, name) for name in ("_issuer", "_index", "_verified"))
        self._entry = pa.array(np.arange(job.first_entry, job.first_entry + self.size))
        self._license_id = self._old(self._entry, lambda old: old.license_id)
        self._status = self._old(said.status, lambda old: old.status)
        self._leaf_id = column_of(self._part("leaf_id"), 16)
        self._serial, self._identifier = self._identifiers()
        self._key_bi = crypt.blind_index_each("key", said.key)

    def made(self) -> Made:
        committed = self._committed()
        secrets = self._each("secret")
        contents = self._leaves(commit_each(secrets, committed))
        hashes = leaf_hashes(contents)
        blocks = (
            self._licenses(),
            self._block(tables.version, self._versions(committed, secrets)),
            self._holders(committed["CZZTDM"]) if "CZZTDM" in committed else block(tables.holder, _NO_HOLDERS, 0, self.job.dialect),
            self._block(tables.leaf, {"entry": self._entry, "leaf": contents, "leaf_hash": hashes}),
        )
        return Made(blocks, bytes_of(hashes).tobytes())

    def _identifiers(self) -> tuple[pa.Array, pa.Array]:
        job = self.job
        serial = serials(self._part("serial"))
        codes = [one.code for one in job.issuers]
        first = first_identifiers(job.recipe.kind.type_code, codes, self._issuer.to_numpy(), serial)
        later = {
            place: mint(job.recipe.kind.type_code, codes[self._issuer[place].as_py()], old.serial, old.version + 1)
            for place, old in job.predecessors.items()
        }
        return self._old(serial, lambda old: old.serial), self._changed(first, later)

    def _committed(self) -> dict[str, pa.Array]:
        issuers = self.job.issuers
        named = {
            "ZZBFJGDM": pa.array([one.code for one in issuers], pa.string()).take(self._issuer),
            "ZZBFJG": pa.array([one.name or None for one in issuers], pa.string()).take(self._issuer),
        }
        return {
            **self.said.fields,
            IDENTIFIER: self._identifier,
            **{name: one for name, one in named.items() if one.null_count < self.size},
        }

    def _leaves(self, commitments: pa.FixedSizeBinaryArray) -> pa.Array:
        contents = leaves("issue", self._leaf_id, self.job.at, commitments, self._status)
        later = {}
        for place, old in self.job.predecessors.items():
            leaf_id = self._leaf_id[place].as_py().hex()
            later[place] = leaf("change", leaf_id, self.job.at, commitments[place].as_py(), old.leaf_id, old.status)
        return self._changed(contents, later)

    def _licenses(self) -> Block:
        job = self.job
        codes = pa.array([one.code for one in job.issuers], pa.string()).take(self._issuer)
        varying = {"license_id": self._entry, "key_bi": self._key_bi, "issuer_code": codes, "serial": self._serial}
        first = self._mask(invert=True)
        varying = {name: column.filter(first) for name, column in varying.items()}
        same = {"type_id": job.recipe.type_id, "resource": job.recipe.resource}
        return block(tables.license, {**varying, **same}, len(varying["license_id"]), job.dialect)

    def _versions(self, committed: Mapping[str, pa.Array], secrets: list[bytes]) -> dict[str, pa.Array | str | int]:
        job, said = self.job, self.said
        insecure = pa.array([one.insecure for one in job.issuers]).take(self._issuer)
        grade = pc.if_else(
            self._verified,
            pc.if_else(insecure, job.recipe.grade(True, True), job.recipe.grade(True, False)),
            pc.if_else(insecure, job.recipe.grade(False, True), job.recipe.grade(False, False)),
        )
        places = secret_places(
            self._entry, self._license_id, self._key_bi, job.recipe.type_id, job.recipe.resource, grade, self._verified, job.as_of
        )
        return {
            "entry": self._entry,
            "license_id": self._license_id,
            "version": self._old("001", lambda old: f"{old.version + 1:03d}"),
            "identifier": self._identifier,
            "type_id": job.recipe.type_id,
            "number_bi": self.crypt.blind_index_each("number", number_forms(said.number)),
            "payload": self._sealed("payload", self._entry.to_pylist(), jcs_each(committed).to_pylist()),
            "secret": self._sealed("secret", places, secrets),
            "leaf_id": pc.cast(hexed(self._leaf_id), pa.string()),
            "publication": job.publication,
            "attestation_id": pa.array([one.attestation_id for one in job.issuers], pa.string()).take(self._issuer),
            "attestation_index": self._index,
            "valid_from": said.valid_from,
            "valid_to": said.valid_to,
            "source_status": self._status,
            "grade": grade,
            "holder_verified": self._verified,
            "as_of": job.as_of,
            "recorded_at": job.at,
            "supersedes": self._old(None, lambda old: old.entry),
        }

    def _holders(self, numbers: pa.Array) -> Block:
        """One row a holder: mostly one a version."""
        entry, position, forms = holder_forms(self._entry, numbers)
        values = {"entry": entry, "position": position, "number_bi": self.crypt.blind_index_each("holder", forms)}
        return block(tables.holder, values, len(forms), self.job.dialect)

    def _sealed(self, column: str, rows: list, plain: list[bytes]) -> pa.Array:
        seal = self.crypt.sealer("hub_version", column)
        return pa.array(list(map(seal, rows, plain, self._each(f"{column}_nonce"))), pa.binary())

    def _block(self, table, values: dict) -> Block:
        return block(table, values, self.size, self.job.dialect)

    def _part(self, name: str) -> np.ndarray:
        start, stop = _PARTS[name]
        return np.ascontiguousarray(self._random[:, start:stop])

    def _each(self, name: str) -> list[bytes]:
        data, width = self._part(name).tobytes(), _PARTS[name][1] - _PARTS[name][0]
        return [data[at : at + width] for at in range(0, len(data), width)]

    def _old(self, column, says: Callable[[Predecessor], object]):
        """The column, or the value of every row, with what predecessors say in its place."""
        if not self.job.predecessors:
            return column
        if not isinstance(column, pa.Array):
            sample = says(next(iter(self.job.predecessors.values())))
            column = pa.array([column] * self.size, pa.int64() if isinstance(sample, int) else pa.string())
        return self._changed(column, {place: says(old) for place, old in self.job.predecessors.items()})

    def _changed(self, column: pa.Array, values: Mapping[int, object]) -> pa.Array:
        if not values:
            return column
        ordered = [values[place] for place in sorted(values)]
        return pc.replace_with_mask(column, self._mask(), pa.array(ordered, column.type))

    def _mask(self, *, invert: bool = False) -> pa.Array:
        """Rows with a predecessor, or those without."""
        found = np.zeros(self.size, bool)
        found[list(self.job.predecessors)] = True
        return pa.array(~found if invert else found)


_NO_HOLDERS = {"entry": pa.array([], pa.int64()), "position": 0, "number_bi": pa.array([], pa.binary())}
