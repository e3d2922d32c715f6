"""Rows of versions, status events, holders, licenses and holds against the leaves they must give.

`service.inspect_columns` says, thousands at once, which versions are as they must be. Here is looked at, row by row, what it cannot vouch
for: events, erased versions, and whatever differs, which is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from license_hub.domain.identifier import parse
from license_hub.domain.license import IDENTIFIER, dates, holder_numbers
from license_hub.errors import DecryptionError
from license_hub.hashing import HASH_BYTES
from license_hub.log.tree import leaf_hash
from license_hub.service import inspect_keys
from license_hub.service.content import Opened, holder_form, number_form, open_version, status_leaf
from license_hub.service.crew import Crew
from license_hub.service.hub import Hub
from license_hub.service.inspect_cases import inspect_receipts
from license_hub.service.inspect_columns import Sound, Versions, inspect
from license_hub.service.inspect_erasures import erased_between, erased_faults, inspect_erasures, is_listed
from license_hub.service.inspect_replayed import inspect_replayed
from license_hub.service.inspect_seals import Seats
from license_hub.service.replayed import RECOVERED
from license_hub.service.versions import pack
from license_hub.storage.crypt import Crypt
from license_hub.storage.fetch import fetch_columns
from license_hub.storage.licenses import held_place
from license_hub.storage.tables import held, holder, leaf, license, sequence, status, version
from license_hub.storage.tables_cases import receipt
from license_hub.storage.tables_keys import key_change

if TYPE_CHECKING:
    from license_hub.service.fsck import Findings

Made = dict[int, tuple[str, bytes | None]]
"""entry → (table of its row, the leaf that row gives or None where it cannot be read)"""

Vouch = Callable[[Versions, Crypt, Callable[[int], bytes]], Sound]

CHUNK = 8192
"""Entries read at once: the columns of one job, the bound values of one statement."""

_former = version.alias("former")
_VERSIONS = (
    sa.select(version, license.c.key_bi, license.c.resource, license.c.issuer_code, license.c.serial, _former.c.leaf_id.label("of_leaf"))
    .join_from(version, license, license.c.license_id == version.c.license_id, isouter=True)
    .outerjoin(_former, _former.c.entry == version.c.supersedes)
    .order_by(version.c.entry)
)
_HOLDERS = sa.select(holder).order_by(holder.c.entry, holder.c.position)
_LEAVES = sa.select(leaf).order_by(leaf.c.entry)


def inspect_rows(hub: Hub, connection: sa.Connection, findings: Findings, vouch: Vouch = inspect) -> tuple[list[bytes], Seats]:
    """(hash of every leaf that is stored, by entry; each attestation's rows). What is wrong goes to `findings`.

    `vouch` says which versions need no look at their rows.
    """
    size = connection.execute(sa.select(sequence.c.next).where(sequence.c.name == "log")).scalar_one()
    hashes: list[bytes] = []
    seats = Seats()
    with closing(Crew(hub, vouch)) as crew:
        for (job, rows), sound in crew.run(_jobs(connection, size), size):
            found = np.frombuffer(sound.hashes, f"V{HASH_BYTES}")
            hashes += found.tolist()
            others = _others(hub, connection, job.start, job.stop, findings)
            # What more than one table claims is for none of them to have.
            sure = np.setdiff1d(sound.entries, list(others))
            good = rows.filter(pa.array(np.isin(rows["entry"].to_numpy(), sure)))
            seats.take(good, found[sure - job.start])
            findings.checked.update({"hub_version": len(sure), "hub_leaf": len(sure)})
            if len(left := np.setdiff1d(np.arange(job.start, job.stop), sure).tolist()):
                made = {**_versions(hub, connection, left, seats, findings), **others}
                _leaves(connection, left, made, findings)
    inspect_keys.states(hub, connection, findings)
    _strays(connection, size, findings)
    _held(hub, connection, findings)
    return hashes, seats


def _jobs(connection: sa.Connection, size: int) -> Iterator[tuple[Versions, tuple[Versions, pa.Table]]]:
    """Each with itself and what takes a seat under an attestation."""
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        parts = (
            fetch_columns(connection, query.where(table.c.entry >= start, table.c.entry < stop))
            for query, table in ((_VERSIONS, version), (_HOLDERS, holder), (_LEAVES, leaf))
        )
        rows, *rest = parts
        job = Versions(start, stop, *map(pack, (rows, *rest)))
        yield job, (Versions(start, stop, b"", b"", b""), rows.select(["entry", "attestation_id", "attestation_index"]))


def _others(hub: Hub, connection: sa.Connection, start: int, stop: int, findings: Findings) -> Made:
    """Entries that are no versions."""
    return {
        **_events(hub, connection, start, stop, findings),
        **inspect_replayed(connection, start, stop, findings),
        **inspect_keys.changes(connection, start, stop, findings),
        **inspect_erasures(hub, connection, start, stop, findings),
        **inspect_receipts(hub, connection, start, stop, findings),
    }


def _versions(hub: Hub, connection: sa.Connection, entries: Sequence[int], seats: Seats, findings: Findings) -> Made:
    made: Made = {}
    holders = _holders(connection, entries)
    erased = erased_between(connection, entries[0], entries[-1] + 1)
    for row in connection.execute(_VERSIONS.where(version.c.entry.in_(entries))):
        findings.checked["hub_version"] += 1
        if row.entry in erased and not row.payload:
            # What it said is gone on purpose; its leaf still stands under the organ's seal and in the log.
            findings.checked["erased versions"] += 1
            made[row.entry] = ("hub_version", None)
            seats.add(row.attestation_id, row.attestation_index, row.entry, erased[row.entry])
            if row.key_bi is None:
                findings.add("hub_license", f"license_id {row.license_id}", f"is missing, version {row.entry} belongs to it")
            for what in erased_faults(row, holders.pop(row.entry, [])):
                findings.add("hub_version", f"entry {row.entry}", what)
            continue
        opened = _opened(hub, row, findings)
        made[row.entry] = ("hub_version", opened.leaf if opened else None)
        if opened:
            seats.add(row.attestation_id, row.attestation_index, row.entry, opened.leaf_hash)
            for what in _differences(hub, row, opened, holders.pop(row.entry, [])):
                findings.add("hub_version", f"entry {row.entry}", what)
    for entry in holders:
        if entry not in made:
            findings.add("hub_holder", f"entry {entry}", "belongs to no version")
    return made


def _opened(hub: Hub, row: sa.Row, findings: Findings) -> Opened | None:
    if row.key_bi is None:
        findings.add("hub_license", f"license_id {row.license_id}", f"is missing, version {row.entry} belongs to it")
        return None
    try:
        return open_version(hub.crypt, row)
    except DecryptionError as fault:
        what = (
            "payload"
            if "|payload|" in str(fault)
            else "secret, or license_id, type_id, grade, holder_verified, as_of, or the license's key_bi"
        )
        findings.add("hub_version", f"entry {row.entry}", f"{what} was changed")
    except (ValueError, KeyError, TypeError):
        findings.add("hub_version", f"entry {row.entry}", "leaf_id, recorded_at, source_status or content is not what a leaf can hold")
    return None


def _differences(hub: Hub, row: sa.Row, opened: Opened, holders: list[bytes]) -> Iterator[str]:
    """Columns that repeat the content and do not agree with it."""
    fields, probes = opened.fields, hub.crypt.probes
    start, end = dates(fields)
    identifier = parse(fields[IDENTIFIER])
    agree = {
        "identifier": row.identifier == fields[IDENTIFIER],
        "version": row.version == identifier.version,
        "number_bi": bytes(row.number_bi) in probes("number", number_form(fields.get("ZZBH", ""))),
        "valid_from": row.valid_from == (start.isoformat() if start else None),
        "valid_to": row.valid_to == (end.isoformat() if end else None),
        "hub_holder": _agree(holders, [probes("holder", holder_form(one)) for one in dict.fromkeys(holder_numbers(fields))]),
        "license serial": row.serial == identifier.serial,
        "license issuer_code": row.version != "001" or row.issuer_code == identifier.issuer_code,
        "license_id": row.version != "001" or row.license_id == row.entry,
    }
    return (f"{name} does not agree with the sealed content" for name, good in agree.items() if not good)


def _agree(stored: list[bytes], meant: list[tuple[bytes, ...]]) -> bool:
    """Each index is one of the forms its value may be stored under."""
    return len(stored) == len(meant) and all(one in forms for one, forms in zip(stored, meant, strict=True))


def _holders(connection: sa.Connection, entries: Sequence[int]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for row in connection.execute(_HOLDERS.where(holder.c.entry.in_(entries))):
        found.setdefault(row.entry, []).append(bytes(row.number_bi))
    return found


def _events(hub: Hub, connection: sa.Connection, start: int, stop: int, findings: Findings) -> Made:
    made: Made = {}
    query = sa.select(status).where(status.c.entry >= start, status.c.entry < stop, status.c.act != RECOVERED)
    of = _VERSIONS.where(version.c.entry.in_(sa.select(status.c.of_entry).where(status.c.entry >= start, status.c.entry < stop)))
    subjects = {row.entry: row for row in connection.execute(of)}
    for event in connection.execute(query):
        findings.checked["hub_status"] += 1
        made[event.entry] = ("hub_status", None)
        subject = subjects.get(event.of_entry)
        if subject is None or subject.license_id != event.license_id or subject.key_bi is None:
            findings.add("hub_status", f"entry {event.entry}", "license_id or of_entry names no version of that license")
            continue
        if not subject.payload and is_listed(connection, subject.entry):
            findings.checked["status events of erased versions"] += 1
            continue
        try:
            made[event.entry] = ("hub_status", status_leaf(event, subject.leaf_id, open_version(hub.crypt, subject).secret))
        except DecryptionError:
            findings.add("hub_status", f"entry {event.entry}", f"cannot be checked: version {event.of_entry} cannot be read")
        except (ValueError, TypeError):
            findings.add("hub_status", f"entry {event.entry}", "state, leaf_id or recorded_at is not what a leaf can hold")
    return made


def _leaves(connection: sa.Connection, entries: Sequence[int], made: Made, findings: Findings) -> None:
    """The stored leaves, each compared with its hash and with the leaf its row gives.

    Where the two differ and the leaf has its own hash, the row is named: `inspect_log` compares the leaf with what was published.
    """
    stored = {row.entry: (bytes(row.leaf), bytes(row.leaf_hash)) for row in connection.execute(_LEAVES.where(leaf.c.entry.in_(entries)))}
    for entry in entries:
        findings.checked["hub_leaf"] += 1
        content, hashed = stored.get(entry, (b"", bytes(32)))
        table, meant = made.get(entry, ("", None))
        if entry not in stored:
            findings.add("hub_leaf", f"entry {entry}", "is missing")
        elif leaf_hash(content) != hashed:
            findings.add("hub_leaf", f"entry {entry}", "leaf and leaf_hash do not belong together")
        elif not table:
            findings.add("hub_leaf", f"entry {entry}", "has no version, status event, change of a key, erasure or receipt")
        elif meant is not None and meant != content:
            findings.add(table, f"entry {entry}", "gives another leaf than was logged: a column the leaf commits to was changed")


def _strays(connection: sa.Connection, size: int, findings: Findings) -> None:
    for table in (version, status, leaf, key_change, receipt):
        for entry in connection.execute(sa.select(table.c.entry).where((table.c.entry >= size) | (table.c.entry < 0))).scalars():
            findings.add(table.name, f"entry {entry}", f"lies outside the {size} entries that were given out")
    lonely = sa.select(license.c.license_id).where(~sa.exists().where(version.c.license_id == license.c.license_id))
    for license_id in connection.execute(lonely).scalars():
        findings.add("hub_license", f"license_id {license_id}", "has no version")


def _held(hub: Hub, connection: sa.Connection, findings: Findings) -> None:
    for row in connection.execute(sa.select(held)):
        findings.checked["hub_held"] += 1
        place = held_place(row.type_id, row.resource, bytes(row.key_bi))
        try:
            content = json.loads(hub.crypt.decrypt("hub_held", "payload", place, row.payload))
        except (DecryptionError, ValueError):
            findings.add("hub_held", place, "payload, type_id, resource or key_bi was changed")
            continue
        source = next((one for one in hub.catalog.license_types[row.type_id].sources if one.resource == row.resource), None)
        number = content.get(source.number_field) if source else None
        if bytes(row.number_bi) not in hub.crypt.probes("number", number_form(number or "")):
            findings.add("hub_held", place, "number_bi does not agree with the held row")
