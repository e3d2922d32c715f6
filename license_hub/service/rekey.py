"""Moves what is stored to the current data and index keys, while the hub goes on working.

- In steps of some rows, each a transaction of its own: killed anywhere, the next run goes on, because every cell and every index names
  its key. Look-ups probe both forms meanwhile; new rows are written under the current keys.
- An index is advanced from its own bytes, so that this needs no certificate, no lake and no holder's number.
- A license's key index is part of what its versions' secrets are bound to: both are changed in one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

import sqlalchemy as sa

from license_hub.service.copies import place_of
from license_hub.service.holder_traces import end_sessions, move_authorizations, move_canaries
from license_hub.service.hub import Hub
from license_hub.service.rekey_cases import CELLS, rekey_cells, rekey_parties
from license_hub.signing.commitment import instant
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading
from license_hub.storage.idempotency import Call
from license_hub.storage.licenses import held_place, open_secret, secret_place
from license_hub.storage.rewrite import Rewrite, rewriting
from license_hub.storage.tables import audit, held, holder, license, version
from license_hub.storage.tables_at_rest import erased_row, erasure
from license_hub.storage.tables_audit_log import audit_subject
from license_hub.storage.tables_lifecycle import attachment, idempotency
from license_hub.storage.tables_presentations import copy

STEP = 2_000
"""Rows of one transaction: writers wait for a step, not for the whole."""


def rekey(hub: Hub, actor: str, step: int = STEP) -> dict[str, int]:
    """Table → rows moved. Run again until it answers zeros: rows that came meanwhile are under the current keys already."""
    done: Counter[str] = Counter()
    for name, move in (("hub_license", _licenses), ("hub_holder", _holders), ("hub_held", _held), ("hub_audit", _audit),
                       ("hub_erased_row", _erased), ("hub_erasure", _erasures),
                       ("hub_attachment", _attachments),
                       ("hub_authorization", move_authorizations), ("hub_canary", move_canaries),
                       ("hub_holder_session", end_sessions),
                       ("hub_idempotency", _answers), ("hub_copy", _copies),
                       ("hub_case_party", rekey_parties),
                       *((one.name, partial(rekey_cells, table=one)) for one in CELLS)):  # fmt: skip
        done[name] = move(hub, actor, step)
    return dict(done)


def _steps(hub: Hub, actor: str, column: sa.Column, step: int) -> Iterator[tuple[Rewrite, list[int]]]:
    """Transactions over the values of a whole-number key, in order."""
    last = -1
    while True:
        query = sa.select(column).where(column > last).order_by(column).distinct().limit(step)
        with reading(hub.engine) as connection:
            found = list(connection.execute(query).scalars())
        if not found:
            return
        with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
            yield work, found
        last = found[-1]


def _old_index(hub: Hub, index: bytes | None) -> bool:
    return bool(index) and 1 <= index[0] < hub.crypt.index_kid


def _old_cell(hub: Hub, cell: bytes) -> bool:
    return bool(cell) and bytes(cell[1:9]) != hub.crypt.kid


def _licenses(hub: Hub, actor: str, step: int) -> int:
    """Licenses with their versions: key index, payload, secret, number index."""
    moved = 0
    query = sa.select(version, license.c.key_bi, license.c.resource).join(license, license.c.license_id == version.c.license_id)
    for work, ids in _steps(hub, actor, license.c.license_id, step):
        # A version that comes meanwhile is bound to the key's current form already.
        locked = sa.select(license).where(license.c.license_id.in_(ids)).with_for_update()
        keys = {row.license_id: bytes(row.key_bi) for row in work.connection.execute(locked)}
        moving = {one: hub.crypt.advance("key", key) for one, key in keys.items() if _old_index(hub, key)}
        changes = []
        for row in work.connection.execute(query.where(version.c.license_id.in_(ids))):
            moves = row.license_id in moving or _old_cell(hub, row.secret) or _old_cell(hub, row.payload)
            if row.payload and (moves or _old_index(hub, row.number_bi)):
                changes.append(_version(hub, row, moving.get(row.license_id, bytes(row.key_bi))))
        where = version.c.entry == sa.bindparam("b_entry")
        cells = {name: sa.bindparam(f"b_{name}") for name in ("payload", "secret", "number_bi")}
        work.change(sa.update(version).where(where).values(cells), changes)
        rows = [{"b_id": one, "b_key": key} for one, key in moving.items()]
        work.change(sa.update(license).where(license.c.license_id == sa.bindparam("b_id")).values(key_bi=sa.bindparam("b_key")), rows)
        moved += len(changes)
    return moved


def _version(hub: Hub, row: sa.Row, key: bytes) -> dict[str, object]:
    crypt, entropy = hub.crypt, hub.entropy
    payload = crypt.decrypt("hub_version", "payload", row.entry, row.payload)
    place = secret_place(row.entry, row.license_id, key, row.type_id, row.resource, row.grade, row.holder_verified, row.as_of)
    return {
        "b_entry": row.entry,
        "b_payload": crypt.encrypt("hub_version", "payload", row.entry, payload, entropy(NONCE_BYTES)),
        "b_secret": crypt.encrypt("hub_version", "secret", place, open_secret(crypt, row), entropy(NONCE_BYTES)),
        "b_number_bi": crypt.advance("number", bytes(row.number_bi)),
    }


def _holders(hub: Hub, actor: str, step: int) -> int:
    moved = 0
    where = (holder.c.entry == sa.bindparam("b_entry")) & (holder.c.position == sa.bindparam("b_position"))
    for work, entries in _steps(hub, actor, holder.c.entry, step):
        rows = work.connection.execute(sa.select(holder).where(holder.c.entry.in_(entries)))
        changes = [{"b_entry": row.entry, "b_position": row.position, "b_index": hub.crypt.advance("holder", bytes(row.number_bi))}
                   for row in rows if _old_index(hub, row.number_bi)]  # fmt: skip
        work.change(sa.update(holder).where(where).values(number_bi=sa.bindparam("b_index")), changes)
        moved += len(changes)
    return moved


def _audit(hub: Hub, actor: str, step: int) -> int:
    """Indexes of audit entries. The one that was logged is kept encrypted: the audit log's digests are over it."""
    crypt, moved = hub.crypt, 0
    query = sa.select(audit.c.seq, audit.c.subject_bi, audit_subject.c.logged).outerjoin(audit_subject, audit_subject.c.seq == audit.c.seq)
    mine = {table: table.c.seq == sa.bindparam("b_seq") for table in (audit, audit_subject)}
    for work, numbers in _steps(hub, actor, audit.c.seq, step):
        indexes, cells, kept = [], [], []
        for row in work.connection.execute(query.where(audit.c.seq.in_(numbers))):
            if _old_index(hub, row.subject_bi):
                indexes.append({"b_seq": row.seq, "b_index": crypt.advance("subject", bytes(row.subject_bi))})
                if row.logged is None:
                    kept.append({"seq": row.seq, "logged": _logged(hub, row.seq, bytes(row.subject_bi))})
            if row.logged is not None and _old_cell(hub, row.logged):
                plain = crypt.decrypt("hub_audit_subject", "logged", row.seq, row.logged)
                cells.append({"b_seq": row.seq, "b_logged": _logged(hub, row.seq, plain)})
        if kept:
            work.connection.execute(sa.insert(audit_subject), kept)
        work.change(sa.update(audit_subject).where(mine[audit_subject]).values(logged=sa.bindparam("b_logged")), cells)
        work.change(sa.update(audit).where(mine[audit]).values(subject_bi=sa.bindparam("b_index")), indexes)
        moved += len({one["b_seq"] for one in (*indexes, *cells)})
    return moved


def _logged(hub: Hub, seq: int, index: bytes) -> bytes:
    return hub.crypt.encrypt("hub_audit_subject", "logged", seq, index, hub.entropy(NONCE_BYTES))


def _held(hub: Hub, actor: str, step: int) -> int:
    """Rows on hold are few and live short: one transaction."""
    crypt, moved = hub.crypt, 0
    with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
        for row in work.connection.execute(sa.select(held)).all():
            key = bytes(row.key_bi)
            if not (_old_index(hub, key) or _old_cell(hub, row.payload)):
                continue
            now = crypt.advance("key", key)
            plain = crypt.decrypt("hub_held", "payload", held_place(row.type_id, row.resource, key), row.payload)
            cell = crypt.encrypt("hub_held", "payload", held_place(row.type_id, row.resource, now), plain, hub.entropy(NONCE_BYTES))
            mine = (held.c.type_id == row.type_id, held.c.resource == row.resource, held.c.key_bi == key)
            values = {"key_bi": now, "number_bi": crypt.advance("number", bytes(row.number_bi)), "payload": cell}
            work.connection.execute(sa.update(held).where(*mine).values(values))
            moved += 1
    return moved


def _erased(hub: Hub, actor: str, step: int) -> int:
    moved = 0
    with rewriting(hub.engine, "reindex", actor, instant(hub.now())) as work:
        for row in work.connection.execute(sa.select(erased_row)).all():
            if _old_index(hub, row.key_bi):
                mine = (erased_row.c.resource == row.resource, erased_row.c.key_bi == row.key_bi)
                work.connection.execute(sa.update(erased_row).where(*mine).values(key_bi=hub.crypt.advance("key", bytes(row.key_bi))))
                moved += 1
    return moved


def _erasures(hub: Hub, actor: str, step: int) -> int:
    crypt, moved = hub.crypt, 0
    for work, entries in _steps(hub, actor, erasure.c.entry, step):
        changes = []
        for row in work.connection.execute(sa.select(erasure.c.entry, erasure.c.secret).where(erasure.c.entry.in_(entries))):
            if row.secret is not None and _old_cell(hub, row.secret):
                plain = crypt.decrypt("hub_erasure", "secret", row.entry, row.secret)
                cell = crypt.encrypt("hub_erasure", "secret", row.entry, plain, hub.entropy(NONCE_BYTES))
                changes.append({"b_entry": row.entry, "b_secret": cell})
        work.change(sa.update(erasure).where(erasure.c.entry == sa.bindparam("b_entry")).values(secret=sa.bindparam("b_secret")), changes)
        moved += len(changes)
    return moved


def _attachments(hub: Hub, actor: str, step: int) -> int:
    """Files and seals: each its own transaction, they are large."""
    crypt, moved = hub.crypt, 0
    with reading(hub.engine) as connection:
        names = connection.execute(sa.select(attachment.c.batch, attachment.c.kind)).all()
    for batch, kind in names:
        mine = (attachment.c.batch == batch, attachment.c.kind == kind)
        with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
            cell = work.connection.execute(sa.select(attachment.c.data).where(*mine)).scalar()
            if cell is not None and _old_cell(hub, cell):
                place = f"{batch}|{kind}"
                plain = crypt.decrypt("hub_attachment", "data", place, cell)
                moved_cell = crypt.encrypt("hub_attachment", "data", place, plain, hub.entropy(NONCE_BYTES))
                work.connection.execute(sa.update(attachment).where(*mine).values(data=moved_cell))
                moved += 1
    return moved


def _copies(hub: Hub, actor: str, step: int) -> int:
    """Copies' own cells; each is bound to the rest of its row, which stays."""
    moved, crypt = 0, hub.crypt
    with reading(hub.engine) as connection:
        stale = [row for row in connection.execute(sa.select(copy)) if _old_cell(hub, row.purpose)]
    for at in range(0, len(stale), step):
        with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
            for row in stale[at : at + step]:
                plain = crypt.decrypt("hub_copy", "purpose", place_of(row), row.purpose)
                cell = crypt.encrypt("hub_copy", "purpose", place_of(row), plain, hub.entropy(NONCE_BYTES))
                work.change(sa.update(copy).where(copy.c.copy_id == sa.bindparam("b_id")).values(purpose=sa.bindparam("b_cell")),
                            [{"b_id": row.copy_id, "b_cell": cell}])  # fmt: skip
                moved += 1
    return moved


def _answers(hub: Hub, actor: str, step: int) -> int:
    """Remembered answers, which live 72 hours: one transaction."""
    crypt, moved = hub.crypt, 0
    with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
        for row in work.connection.execute(sa.select(idempotency)).all():
            call = Call(row.client_id, row.route, bytes(row.key_hash), bytes(row.body_mac))
            values: dict[str, object] = {}
            if _old_index(hub, call.body_mac):
                values["body_mac"] = crypt.advance("body", call.body_mac)
            if row.answer is not None and _old_cell(hub, row.answer):
                plain = crypt.decrypt("hub_idempotency", "answer", call.place, row.answer)
                values["answer"] = crypt.encrypt("hub_idempotency", "answer", call.place, plain, hub.entropy(NONCE_BYTES))
            if values:
                work.connection.execute(sa.update(idempotency).where(call.where).values(values))
                moved += 1
    return moved
