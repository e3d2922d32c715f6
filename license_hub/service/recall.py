"""Recall: from a batch, publication, rule or organ's notice to every license, answer and client that relied on it.

1. the recall       its id is made from what is recalled, so that whoever runs it again runs the same one
2. versions         those that came from it, and those whose status act did
3. answers          audit entries about them, given since then; run again, versions and answers made meanwhile are added
4. notices          one signed notice for each client that relied, waiting at its poll endpoint, never a second one
5. audit            in the same transaction as all of it

A recall lists and notifies. It changes no status: what is wrong about the licenses is for their organ to say.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.errors import RecallRefused
from license_hub.service.authenticate import Principal, still
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.refer_status import uri_of
from license_hub.signing import jose
from license_hub.signing.canonical import jcs
from license_hub.signing.commitment import instant
from license_hub.signing.statuslist import SHARD
from license_hub.storage import recalls
from license_hub.storage.engine import writing
from license_hub.storage.tables import license, version
from license_hub.storage.tables_recall import item, notice
from license_hub.storage.tables_recall import recall as recall_table
from quality import publications
from quality.publications import Publication

NOTICE_TYPE = "recall-notice+jwt"
REASON_CHARS = 500
MOST_IDENTIFIERS = 10_000


class Kind(StrEnum):
    BATCH = "batch"
    PUBLICATION = "publication"
    RULE = "rule"
    ORGAN = "organ"


@dataclass(frozen=True)
class Source:
    """What is recalled. The other parts narrow it down."""

    kind: Kind
    value: str
    """Batch id, `<resource>/<number>`, rule id, or the organ's credit code."""
    document_no: str = ""
    """Number of the organ's notice; required of one."""
    type_id: str = ""
    since: str = ""
    """Only versions recorded from this instant on (`2026-11-21T08:00:00Z`, or a part of it)."""
    until: str = ""
    """Only versions recorded before this instant."""
    identifiers: tuple[str, ...] = ()
    """Only these licenses."""

    @property
    def text(self) -> str:
        parts = {"kind": self.kind.value, "value": self.value, "document_no": self.document_no, "type": self.type_id}
        parts |= {"since": self.since, "until": self.until, "identifiers": sorted(set(self.identifiers))}
        return jcs({name: value for name, value in parts.items() if value}).decode()

    @property
    def recall_id(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Relying:
    """Who was told something of the recalled licenses."""

    actor: str
    answers: int
    licenses: int
    first_at: str
    last_at: str
    client: bool
    """A registered client, which has a notice; all others have to be told by people."""


@dataclass(frozen=True)
class Recall:
    recall_id: str
    versions: int
    licenses: int
    answers: int
    notices: int
    """Made by this run."""
    relying: tuple[Relying, ...]
    status_lists: tuple[str, ...]
    """Addresses of the lists that carry the recalled versions."""


def recall(hub: Hub, source: Source, *, reason: str, operator: str, principal: Principal | None = None) -> Recall:
    """Safe to run again and at once with itself: what relied on it since is added. Raises RecallRefused for what cannot be recalled.

    `principal`: the client that asks; raises NotAuthenticated if it may no longer.
    """
    _check(source, reason)
    now = instant(hub.now())
    with writing(hub.engine) as connection:
        recalls.lock_recalls(connection)
        if principal is not None:
            still(hub, connection, principal)
        known = connection.execute(sa.select(recall_table.c.reason).where(recall_table.c.recall_id == source.recall_id)).scalar()
        _find(hub, connection, source, again=known is not None)
        if known is None:
            row = {"recall_id": source.recall_id, "kind": source.kind.value, "source": source.text, "reason": reason}
            connection.execute(sa.insert(recall_table), [row | {"operator": operator, "created_at": now}])
        reason = known or reason
        recalls.add_uses(connection, source.recall_id)
        made = _notify(hub, connection, source, reason)
        report = _report(hub, connection, source.recall_id, made)
        record(connection, hub.now(), [Entry(source.recall_id, operator, "recall", None, None, None, "RECALLED", source.kind.value)])
    return report


def _check(source: Source, reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_CHARS:
        raise RecallRefused(f"a reason of 1 to {REASON_CHARS} characters: clients read it, so name no person")
    if source.kind is Kind.ORGAN and not source.document_no:
        raise RecallRefused("an organ's notice has a document number: give it")
    if len(source.identifiers) > MOST_IDENTIFIERS:
        raise RecallRefused(f"at most {MOST_IDENTIFIERS} identifiers at once: recall the batch or publication instead")


def _find(hub: Hub, connection: sa.Connection, source: Source, *, again: bool) -> None:
    """The recalled versions that are not noted yet; `again`: an earlier run looked through all there was then."""
    narrow = _narrow(source)
    if source.kind is Kind.ORGAN:
        recalls.add_issued_by(connection, source.recall_id, source.value, narrow)
    else:
        whole: dict[str, set[int]] = defaultdict(set)
        for published, severity in _publications(connection, source):
            if severity != "warn":
                whole[published.resource].add(published.number)
                continue
            if again and not (hub.lake / published.changes_path).exists():
                # Past its retention, so it was there for an earlier run.
                continue
            keys = (index for key in warned(hub, published, source.value) for index in hub.crypt.probes("key", key))
            recalls.add_keys(connection, source.recall_id, published.resource, published.number, keys, narrow)
        recalls.add_published(connection, source.recall_id, whole, narrow)


def _publications(connection: sa.Connection, source: Source) -> Collection[tuple[Publication, str]]:
    """With the rule's severity: rows a warn rule found are known, what a reject rule let pass is the whole publication."""
    if source.kind is Kind.RULE:
        found = publications.judged_by(connection, source.value)
        if not found:
            raise RecallRefused(f"rule {source.value} judged nothing that was published: see `hub batch show BATCH --json` for rule ids")
        return found
    if source.kind is Kind.BATCH:
        one = publications.of_batch(connection, source.value)
        if one is None:
            raise RecallRefused(f"batch {source.value} was not published: nothing relies on it; see `hub batch list`")
    else:
        resource, _, number = source.value.partition("/")
        one = publications.numbered(connection, resource, int(number)) if number.isascii() and number.isdigit() else None
        if one is None:
            raise RecallRefused(f"no publication {source.value}: give RESOURCE/NUMBER as in `hub batch show`")
    return [(one, "")]


def _narrow(source: Source) -> list[sa.ColumnElement[bool]]:
    wanted = []
    if source.type_id:
        wanted.append(license.c.type_id == source.type_id)
    if source.since:
        wanted.append(version.c.recorded_at >= source.since)
    if source.until:
        wanted.append(version.c.recorded_at < source.until)
    if source.identifiers:
        wanted.append(version.c.identifier.in_(source.identifiers))
    return wanted


def warned(hub: Hub, published: Publication, rule: str) -> list[str]:
    """Keys of the publication's changes that a warn rule found fault with."""
    keys: list[str] = []
    for part in publications.change_batches(hub.lake, published):
        marks = part.column("_warnings")
        parents, said = pc.list_parent_indices(marks), pc.list_flatten(marks)
        hit = pc.unique(pc.filter(parents, pc.equal(said, pa.scalar(rule, said.type))))
        keys += part.column("_key").take(hit).to_pylist()
    return keys


def _notify(hub: Hub, connection: sa.Connection, source: Source, reason: str) -> int:
    """Notices for relying clients that have none; how many were made."""
    fresh = [row for row in recalls.relying(connection, source.recall_id) if row.registered and not row.notified]
    rows = [_notice(hub, source, reason, row) for row in fresh]
    if rows:
        connection.execute(sa.insert(notice), rows)
    return len(rows)


def _notice(hub: Hub, source: Source, reason: str, row: sa.Row) -> dict[str, object]:
    now = hub.now()
    notice_id = hashlib.sha256(f"{source.recall_id}|{row.actor}".encode()).hexdigest()[:32]
    said = {"id": source.recall_id, "kind": source.kind.value, "source": source.value, "reason": reason}
    if source.document_no:
        said["document_no"] = source.document_no
    answers = {"count": row.answers, "licenses": row.licenses, "first_at": row.first_at, "last_at": row.last_at}
    claims = {"iss": hub.public_url, "sub": row.actor, "jti": notice_id, "iat": int(now.timestamp()), "recall": said, "answers": answers}
    token = jose.make(hub.keyring.signer("status"), NOTICE_TYPE, claims)
    return {
        "notice_id": notice_id,
        "recall_id": source.recall_id,
        "client_id": row.actor,
        "token": token,
        "created_at": instant(now),
        "acknowledged_at": None,
    }


def _report(hub: Hub, connection: sa.Connection, recall_id: str, made: int) -> Recall:
    counted = recalls.totals(connection, recall_id)
    found = tuple(
        Relying(one.actor, one.answers, one.licenses, one.first_at, one.last_at, one.registered)
        for one in recalls.relying(connection, recall_id)
    )
    shard = item.c.entry // SHARD
    shards = connection.execute(sa.select(shard).where(item.c.recall_id == recall_id).distinct().order_by(shard)).scalars()
    lists = tuple(uri_of(hub, one) for one in shards)
    return Recall(recall_id, counted.versions, counted.licenses, counted.answers, made, found, lists)
