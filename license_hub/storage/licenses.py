"""Look-ups of licenses by blind index, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.hashing import hexed
from license_hub.storage.crypt import Crypt
from license_hub.storage.tables import current, held, license, version
from license_hub.storage.tables_recovery import lost_versions

Text = str | pa.StringArray
"""The same in every row, or a column."""

CHUNK = 5_000
"""Bound values of one statement: both databases take as many."""


@dataclass(frozen=True)
class Standing:
    """A license's newest version and its state now."""

    license_id: int
    serial: str
    entry: int
    version: int
    """The highest number given out: versions that a restore lost count."""
    leaf_id: str
    state: str
    secret: bytes
    """Decrypted."""
    payload: bytes
    """Decrypted canonical JSON of the committed fields."""


def secret_place(entry: int, license_id: int, key_bi: bytes, type_id: str, resource: str, grade: str, verified: bool, as_of: str) -> str:
    """The version's name in the additional data of its secret: binds the columns that no leaf commits to."""
    return f"{entry}|{license_id}|{key_bi.hex()}|{type_id}|{resource}|{grade}|{int(verified)}|{as_of}"


def secret_places(
    entry: pa.Array, license_id: pa.Array, key_bi: pa.Array, type_id: Text, resource: Text, grade: pa.Array, verified: pa.Array, as_of: Text
) -> list[str]:
    """`secret_place` of each row."""
    columns = (pc.cast(entry, pa.string()), pc.cast(license_id, pa.string()), pc.cast(hexed(key_bi), pa.string()))
    counted = pc.if_else(verified, "1", "0")
    return pc.binary_join_element_wise(*columns, type_id, resource, grade, counted, as_of, "|").to_pylist()


def open_secret(crypt: Crypt, row: object) -> bytes:
    """The secret of a version's row, which also has `key_bi` and `resource` of its license. Raises DecryptionError.

    Between a new index key and the end of re-indexing a new version may be bound to a newer form of the key than its license still has.
    """
    key, bound = bytes(row.key_bi), (row.type_id, row.resource, row.grade, row.holder_verified, row.as_of)
    try:
        return crypt.decrypt("hub_version", "secret", secret_place(row.entry, row.license_id, key, *bound), row.secret)
    except DecryptionError:
        if not key or not 1 <= key[0] < crypt.index_kid:
            raise
        newer = secret_place(row.entry, row.license_id, crypt.advance("key", key), *bound)
        return crypt.decrypt("hub_version", "secret", newer, row.secret)


def held_place(type_id: str, resource: str, key: bytes) -> str:
    """The held row's name in the additional data of its payload."""
    return f"{type_id}|{resource}|{key.hex()}"


def standing(connection: sa.Connection, crypt: Crypt, type_id: str, resource: str, keys: Sequence[str]) -> dict[str, Standing]:
    """Row key → license of that type and resource. Raises DecryptionError."""
    if not _any(connection, license, type_id, resource):
        return {}
    columns = (license.c.key_bi, license.c.resource, license.c.serial, current.c.state)
    query = (
        sa.select(*columns, *version.columns)
        .join_from(license, current, current.c.license_id == license.c.license_id)
        .join(version, version.c.entry == current.c.entry)
        .where(license.c.type_id == type_id, license.c.resource == resource)
    )
    names = {index: key for key in keys for index in crypt.probes("key", key)}
    lost = lost_versions(connection)
    found = {}
    for chunk in chunks(names, CHUNK):
        for row in connection.execute(query.where(license.c.key_bi.in_(chunk))):
            found[names[bytes(row.key_bi)]] = _standing(row, crypt, lost.get(row.license_id, 0))
    return found


def release(connection: sa.Connection, type_id: str, resource: str, keys: Iterable[bytes]) -> None:
    """Takes rows out of the held table."""
    if not _any(connection, held, type_id, resource):
        return
    for chunk in chunks(keys, CHUNK):
        where = (held.c.type_id == type_id, held.c.resource == resource, held.c.key_bi.in_(chunk))
        connection.execute(sa.delete(held).where(*where))


def chunks(items: Iterable, size: int) -> Iterator[list]:
    """Lists of at most `size` items."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _any(connection: sa.Connection, table: sa.Table, type_id: str, resource: str) -> bool:
    query = sa.select(sa.exists().where(table.c.type_id == type_id, table.c.resource == resource))
    return bool(connection.execute(query).scalar())


def _standing(row: sa.Row, crypt: Crypt, lost: int) -> Standing:
    return Standing(
        license_id=row.license_id,
        serial=row.serial,
        entry=row.entry,
        version=int(row.version) + lost,
        leaf_id=row.leaf_id,
        state=row.state,
        secret=open_secret(crypt, row),
        payload=crypt.decrypt("hub_version", "payload", row.entry, row.payload),
    )
