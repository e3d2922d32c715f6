"""Copies and files in the database: what a file is known by, and the one download that waits for it.

A copy's row vouches for its file only while its encrypted cell opens: the cell is bound to all the row says, so that who can write to the
database, and has no data key, cannot make a file of his own a copy of ours.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.domain.license import holder_numbers
from license_hub.errors import CaseNotOpen, DecryptionError, DownloadGone, NotAllowed
from license_hub.service.content import open_version
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.on_case import grounds
from license_hub.signing.commitment import instant
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.lookup import FOUND
from license_hub.storage.tables import version
from license_hub.storage.tables_lifecycle import attachment
from license_hub.storage.tables_presentations import copy, download

LIFE = timedelta(minutes=10)
"""Of a download's address."""
SECRET_BYTES = 32
GONE = "the file was fetched already, its ten minutes are over, or it may no longer be used: make another copy"


@dataclass(frozen=True)
class File:
    data: bytes
    media_type: str
    sha256: str
    copy_id: str | None = None
    valid_to: datetime | None = None
    made_at: datetime | None = None


@dataclass(frozen=True)
class Known:
    """A file the hub has a record of."""

    entry: int
    """The version it shows."""
    copy_id: str | None = None
    """None: a department's own file."""
    valid_to: datetime | None = None


def remember(hub: Hub, connection: sa.Connection, file: File, entry: int, client_id: str, purpose: str) -> None:
    """The copy, by its file. A department's own file is known already."""
    if file.copy_id is None:
        return
    row = {"copy_id": file.copy_id, "entry": entry, "sha256": file.sha256, "client_id": client_id,
           "made_at": instant(file.made_at), "valid_to": instant(file.valid_to)}  # fmt: skip
    row["purpose"] = hub.crypt.encrypt("hub_copy", "purpose", place(**row), purpose.encode(), hub.entropy(NONCE_BYTES))
    connection.execute(sa.insert(copy), [row])


def place(copy_id: str, entry: int, sha256: str, client_id: str, made_at: str, valid_to: str) -> str:
    """What a copy's cell is bound to: everything else in its row."""
    return f"{copy_id}|{entry}|{sha256}|{client_id}|{made_at}|{valid_to}"


def place_of(row: sa.Row) -> str:
    return place(row.copy_id, row.entry, row.sha256, row.client_id, row.made_at, row.valid_to)


def sound(hub: Hub, row: sa.Row) -> bool:
    """Whether we wrote the row and nobody has changed it."""
    try:
        hub.crypt.decrypt("hub_copy", "purpose", place_of(row), row.purpose)
    except DecryptionError:
        return False
    return True


def by_hashes(hub: Hub, connection: sa.Connection, hashes: list[str]) -> dict[str, Known]:
    """SHA-256 → what the hub recorded of a file with it."""
    found = {}
    query = sa.select(attachment.c.sha256, attachment.c.entry, attachment.c.batch, attachment.c.kind, attachment.c.data)
    owned = query.where(attachment.c.sha256.in_(hashes), attachment.c.kind == "file", attachment.c.entry.is_not(None))
    for row in connection.execute(owned.order_by(attachment.c.entry)):
        if _opened(hub, row) is not None:
            found[row.sha256] = Known(row.entry)
    for row in connection.execute(sa.select(copy).where(copy.c.sha256.in_(hashes))):
        if sound(hub, row):
            found[row.sha256] = Known(row.entry, row.copy_id, datetime.fromisoformat(row.valid_to))
    return found


def by_number(hub: Hub, connection: sa.Connection, numbers: list[str]) -> list[Known]:
    """Copies of those numbers."""
    rows = connection.execute(sa.select(copy).where(copy.c.copy_id.in_(numbers))).all()
    return [Known(row.entry, row.copy_id, datetime.fromisoformat(row.valid_to)) for row in rows if sound(hub, row)]


def collected(hub: Hub, connection: sa.Connection, entry: int) -> File | None:
    """The file that came with that version, as it came."""
    query = sa.select(attachment).where(attachment.c.entry == entry, attachment.c.kind == "file").order_by(attachment.c.batch)
    row = connection.execute(query).first()
    data = None if row is None else _opened(hub, row)
    return None if data is None else File(data, row.media_type, row.sha256)


def offer(hub: Hub, connection: sa.Connection, file: File, entry: int, client_id: str, case_no: str) -> str:
    """The file waits for its one download; returns the secret part of the address. What nobody fetched is forgotten on the way."""
    now = hub.now()
    secret = base64.urlsafe_b64encode(hub.entropy(SECRET_BYTES)).rstrip(b"=").decode()
    name = _hash(secret)
    connection.execute(sa.delete(download).where(download.c.expires_at <= instant(now)))
    row = {"secret_hash": name, "entry": entry, "client_id": client_id, "media_type": file.media_type, "case_no": case_no,
           "expires_at": instant(now + LIFE),
           "data": hub.crypt.encrypt("hub_download", "data", name, file.data, hub.entropy(NONCE_BYTES))}  # fmt: skip
    connection.execute(sa.insert(download), [row])
    return secret


def fetch(hub: Hub, secret: str, request_id: str = "") -> File:
    """The file, once: the row goes in the transaction that answers. Raises DownloadGone, whatever the reason: a case that was closed and a
    word that was taken back meanwhile are reasons too (T34).
    """
    now = hub.now()
    mine = (download.c.secret_hash == _hash(secret), download.c.expires_at > instant(now))
    taking = sa.delete(download).where(*mine)
    # Anybody may ask with any address: only one that is good waits for, and takes, the lock of those who write.
    with reading(hub.engine) as connection:
        if connection.execute(sa.select(download.c.secret_hash).where(*mine)).first() is None:
            raise DownloadGone(GONE)
    with writing(hub.engine) as connection:
        hub.security.refresh(connection)
        row = connection.execute(taking.returning(*download.columns)).first()
        if row is None:
            raise DownloadGone(GONE)
        _still_usable(hub, connection, row)
        data = hub.crypt.decrypt("hub_download", "data", row.secret_hash, row.data)
        record(connection, now, [Entry(request_id, row.client_id, "download", row.entry, None, None, "DELIVERED", None, row.case_no)])
    return File(data, row.media_type, hashlib.sha256(data).hexdigest())


def _still_usable(hub: Hub, connection: sa.Connection, row: sa.Row) -> None:
    """Raises DownloadGone. The address says no more than it did, so neither does the refusal."""
    shown = connection.execute(FOUND.where(version.c.entry == row.entry)).one()
    try:
        holders = holder_numbers(open_version(hub.crypt, shown).fields)
        may = grounds(connection, hub, row.client_id, row.case_no, shown.type_id).of(shown.license_id, holders)
    except (DecryptionError, ValueError, CaseNotOpen, NotAllowed):
        may = None
    if may is None:
        raise DownloadGone(GONE)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _opened(hub: Hub, row: sa.Row) -> bytes | None:
    """The attachment's bytes, if they are those that came."""
    try:
        data = hub.crypt.decrypt("hub_attachment", "data", f"{row.batch}|{row.kind}", row.data)
    except DecryptionError:
        return None
    return data if hashlib.sha256(data).hexdigest() == row.sha256 else None
