"""What became of a pushed row, from the tables: the answer to the call that sent it, stored in the transaction of the effect.

| outcome | what it means |
|---|---|
| issued | a license was made: its identifier |
| changed | a new version of the license: its identifier |
| status_changed | the row's status field was an act on the license |
| unchanged | the license says this already |
| held | the row is trusted and waits, `reason` says for what |
| rejected | rules of the resource refused the row: `rules` |
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.idempotency import Call, complete, waiting_for
from license_hub.storage.tables import held, license, status, version
from license_hub.storage.tables_lifecycle import attachment
from quality import publications
from quality.publications import Publication

STATUSES = {"issued": 201, "changed": 200, "status_changed": 200, "unchanged": 200, "held": 202, "rejected": 422}
"""Outcome → HTTP status of its answer."""


def answer_call(
    hub: Hub, connection: sa.Connection, batch: str, publication: Publication, *, key: str | None = None, repeated: bool = False
) -> None:
    """Completes the call that sent the batch, if it still waits. `publication`: the one that holds the row; `repeated`: it is an earlier
    one, whose content the batch only says again. `key`: the row's, where it is known; else it is looked for in the whole head."""
    waiting = waiting_for(connection, batch)
    if waiting is None:
        return
    call, type_id = waiting
    if key is None:
        [key] = publications.keys_of_batch(hub.lake, publication) or [None]
    told = outcome(hub, connection, type_id, publication, key)
    if repeated and told["outcome"] != "held":
        told["outcome"] = "unchanged"
    finish_call(hub, connection, call, {"batch": batch, **told})


def finish_call(hub: Hub, connection: sa.Connection, call: Call, answer: Mapping[str, object]) -> None:
    complete(connection, hub.crypt, call, STATUSES[str(answer["outcome"])], answer, hub.entropy(NONCE_BYTES))
    if answer.get("entry") is not None:
        where = (attachment.c.batch == answer["batch"], attachment.c.entry.is_(None))
        connection.execute(sa.update(attachment).where(*where).values(entry=answer["version_entry"]))


def outcome(hub: Hub, connection: sa.Connection, type_id: str, publication: Publication, key: str | None) -> dict[str, object]:
    """`key`: the row's own; None where a newer row of its key stands (nothing of this one counts)."""
    told: dict[str, object] = {"publication": publication.number, "identifier": None, "entry": None, "version_entry": None}
    if key is None:
        return told | {"outcome": "unchanged"}
    where = (license.c.type_id == type_id, license.c.resource == publication.resource)
    query = (
        sa.select(version.c.identifier, version.c.entry, version.c.version, version.c.publication, version.c.license_id)
        .join_from(license, version, version.c.license_id == license.c.license_id)
        .where(*where, license.c.key_bi.in_(hub.crypt.probes("key", key)))
        .order_by(version.c.entry.desc())
    )
    row = connection.execute(query.limit(1)).one_or_none()
    waits = sa.select(held.c.reason).where(
        held.c.type_id == type_id, held.c.resource == publication.resource, held.c.key_bi.in_(hub.crypt.probes("key", key))
    )
    reason = connection.execute(waits).scalar()
    if row is not None:
        told |= {"identifier": row.identifier, "entry": row.entry, "version_entry": row.entry}
    if reason is not None:
        return told | {"outcome": "held", "reason": reason}
    if row is None:
        return told | {"outcome": "unchanged"}
    if row.publication == publication.number:
        return told | {"outcome": "issued" if row.version == "001" else "changed"}
    act = sa.select(sa.func.max(status.c.entry)).where(
        status.c.license_id == row.license_id, status.c.publication == publication.number, status.c.entry > row.entry
    )
    entry = connection.execute(act).scalar()
    return told | ({"outcome": "status_changed", "entry": entry} if entry is not None else {"outcome": "unchanged"})
