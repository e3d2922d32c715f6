"""同步签发: one row of a finished case, sent by the approval system that finished it, becomes a license at once.

1. lint     schema, check digits, organ, commission: nothing is recorded of what fails here
2. intent   the call, its batch's name, file and seal, in one transaction before any effect
3. land     the batch, an increment of one row
4. check    the resource's own cleaning and rules, strictly; published like any delivery
5. apply    license, log leaf, mark and answer in one transaction

Killed anywhere, the same call (same key, same body) goes on where it was: every step can be run again and finds what is done.

Source: issue 3 §2, §5.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogs.license_type import LicenseSource, LicenseType
from license_hub.errors import InProgress, IntakeError, NoSuchSource
from license_hub.service.answer_call import answer_call, finish_call
from license_hub.service.authenticate import Principal, still
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.lint import lint
from license_hub.service.list_audit import Entry, record
from license_hub.service.witnessing import require_witnessed
from license_hub.signing.commitment import instant
from license_hub.storage import bulk
from license_hub.storage.callers import held_call
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading, writing
from license_hub.storage.idempotency import Call, Intent, intend, purge, read_back
from license_hub.storage.tables_lifecycle import attachment
from quality import publications, pushes

WAIT_S = 5.0
"""How long a call waits for one of the same key before it is told so: less than its caller waits for the answer (`api.patience`)."""
PAUSE_S = 0.05


@dataclass(frozen=True)
class Attached:
    kind: str
    """file | seal"""
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Push:
    """What was sent."""

    principal: Principal
    type_id: str
    resource: str | None
    row: Mapping[str, str | None]
    attached: Sequence[Attached]
    call: Call
    request_id: str


def receive(hub: Hub, push: Push) -> tuple[Mapping[str, object], bool]:
    """(answer, whether it is the answer of an earlier call).

    Raises NoSuchSource, LintRefused, KeyReused, InProgress, Unwitnessed, NotAuthenticated;
    IntakeError where the same call, sent again, can go on.
    """
    known = _known(hub, push)
    if known is not None and known.answer is not None:
        # Given before, so nothing of it is judged anew.
        return known.answer, True
    kind, source = _source(hub, push)
    require_witnessed(hub)
    lint(hub.catalog, kind, source, push.row, push.principal.organ or "")
    intent = _intend(hub, push, source)
    if intent.answer is not None:
        return intent.answer, True
    until = time.monotonic() + WAIT_S
    while True:
        with held_call(hub.engine, push.call) as free:
            if free:
                return _carry_out(hub, push, source), False
        if time.monotonic() >= until:
            raise InProgress("a call with this Idempotency-Key is still at work: ask again with the same key")
        time.sleep(PAUSE_S)


def _carry_out(hub: Hub, push: Push, source: LicenseSource) -> Mapping[str, object]:
    """Steps 3 to 5; every one of them may have been done by a call that was killed."""
    intent = _stored(hub, push)
    if intent.answer is not None or intent.batch is None:
        return intent.answer or {}
    resource = hub.catalog.resources[source.resource]
    try:
        report = pushes.publish_row(
            *(resource, push.row, hub.catalog),
            lake=hub.lake, database=hub.engine, batch=intent.batch, sender=push.principal.client_id, now=hub.clock(),
        )  # fmt: skip
    except pushes.HeadMoved as fault:
        raise IntakeError(f"batch {intent.batch}: others were published all the time; send the call again") from fault
    if report.published or report.noop:
        # Also what the row repeats: another call may have published it and not applied it yet.
        apply_pending(hub, [resource.id], prove=False)
    done = _stored(hub, push)
    if done.answer is None:
        _answer(hub, push, resource.id, report)
        done = _stored(hub, push)
    if done.answer is None:
        raise IntakeError(f"batch {intent.batch}: checked and not applied; send the call again")
    return done.answer


def _answer(hub: Hub, push: Push, resource_id: str, report) -> None:
    """For a row that made no publication: rejected, or what the head says already."""
    with writing(hub.engine) as connection:
        if report.published or report.noop:
            # By its number: meanwhile another row may be the head.
            said = publications.numbered(connection, resource_id, report.publication)
            answer_call(hub, connection, report.batch, said, repeated=True)
            return
        failed = [rule for rule, one in report.rules.items() if one["severity"] == "reject" and one["failed"]]
        finish_call(hub, connection, push.call, {"batch": report.batch, "outcome": "rejected", "rules": failed})


def _intend(hub: Hub, push: Push, source: LicenseSource) -> Intent:
    now = hub.now()
    batch = pushes.new_batch(hub.catalog.resources[source.resource], hub.clock())
    with writing(hub.engine) as connection:
        # Here the hub takes the row on; whoever applies its publication does so for the hub.
        still(hub, connection, push.principal)
        known = intend(connection, hub.crypt, push.call, now, batch=batch, type_id=push.type_id)
        if known is not None:
            return known
        purge(connection, now)
        seal = hub.crypt.sealer("hub_attachment", "data")
        rows = [
            (batch, one.kind, None, one.media_type, hashlib.sha256(one.data).hexdigest(),
             seal(f"{batch}|{one.kind}", one.data, hub.entropy(NONCE_BYTES)), instant(now))
            for one in push.attached
        ]  # fmt: skip
        bulk.insert(connection, attachment, rows)
        record(connection, now, [Entry(push.request_id, push.principal.client_id, "intake", None, None, None, push.type_id)])
    return Intent(batch, None)


def _known(hub: Hub, push: Push) -> Intent | None:
    """What is stored of the same call, sent before and not yet forgotten. Raises KeyReused, NotAuthenticated."""
    with reading(hub.engine) as connection:
        still(hub, connection, push.principal)
        return read_back(connection, hub.crypt, push.call, hub.now())


def _stored(hub: Hub, push: Push) -> Intent:
    with reading(hub.engine) as connection:
        found = read_back(connection, hub.crypt, push.call)
    if found is None:
        raise IntakeError("the call's intent is gone: send it again")
    return found


def _source(hub: Hub, push: Push) -> tuple[LicenseType, LicenseSource]:
    """Raises NoSuchSource for a type that is not made of rows, or not of that resource's."""
    kind = hub.catalog.license_types[push.type_id]
    for source in kind.sources:
        if push.resource in (None, source.resource):
            return kind, source
    raise NoSuchSource(f"type {push.type_id} is not made of rows of {push.resource or 'any resource'}")
