"""Which versions agree with their leaves and with their own columns, computed over columns: most of what `hub log fsck` does.

Pure computation over one `Versions`, so that it runs the same in this process and in workers. It says only which entries are as they
must be; whatever it cannot say of an entry, for any reason, is looked at row by row by `service.inspect_rows`, which names what differs.
`test_inspect_columns` changes every column there is and holds the two to the same findings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.json import ParseOptions, ReadOptions, read_json

from license_hub.domain.license import IDENTIFIER
from license_hub.hashing import HASH_BYTES, bytes_of, flat
from license_hub.log.tree import leaf_hash
from license_hub.service.minting import parts_each
from license_hub.service.versions import holder_forms, number_forms, unpack
from license_hub.signing.columns import commit_each, leaf_hashes, stated_leaves
from license_hub.signing.commitment import SECRET_BYTES
from license_hub.storage.crypt import Crypt
from license_hub.storage.licenses import secret_places

_UNLOGGED = np.frombuffer(leaf_hash(b""), np.uint8)
_NAMED = {IDENTIFIER, "ZZBH", "CZZTDM", "ZZYXQQSRQ", "ZZYXQJZRQ"}
"""Fields that plain columns repeat."""
_SAMPLE = 64
_NONE = np.array([], np.int64)


@dataclass(frozen=True)
class Versions:
    """Entries [start, stop) as Arrow IPC streams: their versions (with `key_bi, resource, issuer_code, serial` of the license and
    `of_leaf`, the leaf id of the version they supersede), holders (by entry and position) and leaves."""

    start: int
    stop: int
    versions: bytes
    holders: bytes
    leaves: bytes


@dataclass(frozen=True)
class Sound:
    """`entries`: the versions at which all is as it must be. `hashes`: leaf hash of what is stored at each entry, in a row."""

    entries: np.ndarray
    hashes: bytes


def inspect(job: Versions, crypt: Crypt, _entropy: Callable[[int], bytes]) -> Sound:
    """A crew's task. Raises nothing for what is stored: such entries are not sound."""
    stored, hashes = unpack(job.leaves), np.tile(_UNLOGGED, (job.stop - job.start, 1))
    contents, place = flat(stored, "leaf"), stored["entry"].to_numpy()
    if len(contents):
        hashes[place - job.start] = bytes_of(leaf_hashes(contents))
    said = np.array([bytes(one) for one in hashes[place - job.start]], object)
    logged = stored.filter(_same(pa.array(said, pa.binary()), flat(stored, "leaf_hash")))
    try:
        entries = _sound(unpack(job.versions), unpack(job.holders), logged, crypt)
    except (TypeError, ValueError):
        # Content of another shape than any version we make: row by row its entry is found.
        entries = _NONE
    return Sound(entries, hashes.tobytes())


def _sound(rows: pa.Table, holders: pa.Table, logged: pa.Table, crypt: Crypt) -> np.ndarray:
    """Each step leaves out what it cannot vouch for."""
    rows, opened = _opened(_formed(rows), crypt)
    if not opened:
        return _NONE
    fields = _fields([payload for _, payload in opened])
    committed = commit_each([secret for secret, _ in opened], fields)
    at = (flat(rows, name) for name in ("leaf_id", "recorded_at"))
    made = stated_leaves(*at, committed, flat(rows, "of_leaf"), flat(rows, "source_status"))
    leaf = flat(logged, "leaf").take(pc.index_in(flat(rows, "entry"), flat(logged, "entry")))
    good = _same(made, leaf) & _repeats(rows, fields) & _numbered(rows, fields, crypt) & _held(rows, fields, holders, crypt)
    return rows["entry"].to_numpy()[good]


def _formed(rows: pa.Table) -> pa.Table:
    """Those that have a license, and indexes of the right length."""
    long = (pc.equal(pc.binary_length(rows[name]), HASH_BYTES) for name in ("key_bi", "number_bi"))
    return rows.filter(pc.and_(*long))


def _opened(rows: pa.Table, crypt: Crypt) -> tuple[pa.Table, list[tuple[bytes, bytes]]]:
    """(those that decrypt where they stand, their secrets and payloads)."""
    if not rows.num_rows:
        return rows, []
    names = ("entry", "license_id", "key_bi", "type_id", "resource", "grade", "holder_verified", "as_of")
    entry, license_id, key, *bound = (flat(rows, name) for name in names)
    places = secret_places(entry, license_id, pc.cast(key, pa.binary(HASH_BYTES)), *bound)
    secrets = crypt.open_each("hub_version", "secret", places, rows["secret"].to_pylist())
    payloads = crypt.open_each("hub_version", "payload", entry.to_pylist(), rows["payload"].to_pylist())
    both = list(zip(secrets, payloads, strict=True))
    good = [secret is not None and len(secret) == SECRET_BYTES and payload is not None for secret, payload in both]
    return rows.filter(pa.array(good)), [one for one, stands in zip(both, good, strict=True) if stands]


def _fields(payloads: list[bytes]) -> dict[str, pa.StringArray]:
    """The committed fields as columns. Raises ValueError, TypeError for content no version has."""
    # Names that are not told beforehand are guessed the type of: then once more, with all of them told.
    names = _NAMED.union(*map(json.loads, payloads[:_SAMPLE]))
    told = _read(payloads, names)
    if set(told.column_names) != names:
        told = _read(payloads, set(told.column_names))
    return {name: flat(told, name) for name in told.column_names}


def _read(payloads: list[bytes], names: set[str]) -> pa.Table:
    """Arrow's reader of lines: a third of the time of `json` and rows."""
    data, schema = b"\n".join(payloads), pa.schema([(name, pa.string()) for name in names])
    whole = ReadOptions(use_threads=False, block_size=len(data) + 1)
    found = read_json(pa.BufferReader(data), whole, ParseOptions(explicit_schema=schema, newlines_in_values=False))
    if found.num_rows != len(payloads):
        raise ValueError("not one object a version")
    return found


def _repeats(rows: pa.Table, fields: Mapping[str, pa.StringArray]) -> np.ndarray:
    """Whether the plain columns say what the sealed content says."""
    identifier = fields[IDENTIFIER].fill_null("")
    parts, good = parts_each(identifier)
    good &= _same(flat(rows, "identifier"), identifier)
    good &= _same(flat(rows, "version"), flat(parts, "version")) & _same(flat(rows, "serial"), flat(parts, "serial"))
    # Later versions may come from another organ; the license belongs to its first.
    later = ~_same(flat(rows, "version"), pa.repeat("001", rows.num_rows))
    good &= later | (_same(flat(rows, "issuer_code"), flat(parts, "issuer_code")) & _same(flat(rows, "license_id"), flat(rows, "entry")))
    for column, name in (("valid_from", "ZZYXQQSRQ"), ("valid_to", "ZZYXQJZRQ")):
        good &= _same_day(flat(rows, column), fields[name])
    return good


def _numbered(rows: pa.Table, fields: Mapping[str, pa.StringArray], crypt: Crypt) -> np.ndarray:
    index = crypt.blind_index_each("number", number_forms(fields["ZZBH"].fill_null("")))
    return _same(pc.cast(index, pa.binary()), flat(rows, "number_bi"))


def _held(rows: pa.Table, fields: Mapping[str, pa.StringArray], holders: pa.Table, crypt: Crypt) -> np.ndarray:
    """Whether exactly the holders of the content stand under the entry, in order."""
    entries = rows["entry"].to_numpy()
    meant, _, numbers = holder_forms(flat(rows, "entry"), fields["CZZTDM"])
    index = np.array(pc.cast(crypt.blind_index_each("holder", numbers), pa.binary()), object)
    meant, stored = meant.to_numpy(), holders["entry"].to_numpy()
    good = _counts(meant, entries) == _counts(stored, entries)
    # Of entries with as many as they should have, the n-th stored belongs to the n-th meant.
    alike = entries[good]
    wrong = index[np.isin(meant, alike)] != np.array(flat(holders, "number_bi"), object)[np.isin(stored, alike)]
    return good & ~np.isin(entries, meant[np.isin(meant, alike)][wrong])


def _counts(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    """How often each of the sorted `of` occurs among the sorted values."""
    return np.searchsorted(values, of, "right") - np.searchsorted(values, of, "left")


def _same(one: pa.Array, other: pa.Array) -> np.ndarray:
    """NULL is the same as nothing."""
    return pc.equal(one, other).fill_null(False).to_numpy(zero_copy_only=False)


def _same_day(column: pa.StringArray, said: pa.StringArray) -> np.ndarray:
    """Both NULL, or both the same day in its one spelling."""
    days = pc.dictionary_encode(said)
    spelt = pa.array([_is_day(one) for one in days.dictionary.to_pylist()], pa.bool_()).take(days.indices)
    return pc.if_else(pc.is_valid(said), pc.and_(pc.equal(column, said), spelt), pc.is_null(column)).fill_null(False).to_numpy(False)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
