"""A license as a bundle its holder can carry away: every field or some, the organ's attestation, the log's proof. Anyone can check it.

Unmasked, so it has a scope of its own, and like every look it belongs to a purpose and an open case and is in the audit log.
A bundle proves *issued*; whether it is in force is for the hub or its status list to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from license_hub.domain import identifier as identifiers
from license_hub.domain.verdict import Proof
from license_hub.errors import BundleDamaged, BundleErased, BundleUnavailable, DecryptionError, NotAuthorized, PurposeMissing
from license_hub.log import bundle as proofs
from license_hub.log import checkpoint as checkpoints
from license_hub.log.proof import inclusion_proof
from license_hub.service.authenticate import Principal
from license_hub.service.content import Opened, number_form, open_version, subject_index
from license_hub.service.erasures import is_erased
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.on_case import look_up
from license_hub.service.proofs import attested_at, check_version, newest_checkpoint
from license_hub.service.provisional import Provisional, of_license
from license_hub.service.refer_status import refer
from license_hub.service.witnessing import proof_checkpoint
from license_hub.signing import bundle as bundles
from license_hub.signing import seal
from license_hub.signing.seal import Attestation
from license_hub.storage.engine import writing

SCOPE = "license:export"
NO_SUCH = "no license of that identifier that this client may use on that case"
DAMAGED = "the stored license is not what was sealed and logged; run `hub log fsck`"


@dataclass(frozen=True)
class ExportRequest:
    principal: Principal
    identifier: str
    purpose: str
    case_no: str
    request_id: str = ""
    show: Sequence[str] | None = None
    """Short names of the fields to show; None: all. The identifier is always shown."""
    operator: str = ""
    """Who asks; the case's own without one."""


class Exported(NamedTuple):
    data: bytes
    """The bundle's canonical JSON."""
    epoch: int
    """The security epoch its look-up saw."""
    provisional: tuple[Provisional, ...] = ()
    """Told beside the bundle, which stays as it was sealed."""


def export_bundle(hub: Hub, request: ExportRequest) -> Exported:
    """Raises PurposeMissing, NotAuthorized (NotAllowed: no grant or word for its type), CaseNotOpen, BundleUnavailable, KeyError for a
    field it has not.
    """
    if SCOPE not in request.principal.scopes:
        raise NotAuthorized(f"scope {SCOPE} is not granted to this client")
    if not request.purpose.strip() or not request.case_no.strip():
        raise PurposeMissing("give a purpose and the number of the open case")
    identifier, now = number_form(request.identifier), hub.now()
    with writing(hub.engine) as connection:
        used = usable(hub, connection, request.principal, identifier, request.case_no, request.operator)
        data = bundles.write(bundle_of(hub, connection, used.row, used.opened, request.show))
        subject = next(iter(used.holders), None)
        index = subject_index(hub.crypt, subject)
        who = (request.request_id, request.principal.client_id, "export", used.row.entry, index)
        pending = of_license(connection, hub.catalog, used.row.type_id, identifier, now)
        record(connection, now, [Entry(*who, None, "EXPORTED", request.purpose, request.case_no)])
    return Exported(data, used.epoch, pending)


class Usable(NamedTuple):
    """A license whose content the caller may use on the case."""

    row: sa.Row
    opened: Opened
    holders: tuple[str, ...]
    """Their numbers."""
    epoch: int
    """The security epoch its look-up saw."""


def usable(hub: Hub, connection: sa.Connection, principal: Principal, identifier: str, case_no: str, operator: str = "") -> Usable:
    """Raises CaseNotOpen, NotAllowed, BundleDamaged, BundleErased; BundleUnavailable alike for what is not there and for what is nobody's
    of the case.
    """
    kind = hub.catalog.type_named(identifier)
    if identifiers.unusable(identifiers.inspect(identifier)) or kind is None or kind.id not in principal.types:
        raise BundleUnavailable(NO_SUCH)
    match, holders, may_use, epoch = look_up(connection, hub, principal, identifier, kind.id, case_no, operator)
    if match is None:
        raise BundleUnavailable(NO_SUCH)
    opened = match.opened or opened_of(hub, connection, match.row)
    if not may_use:
        raise BundleUnavailable(NO_SUCH)
    return Usable(match.row, opened, holders, epoch)


def opened_of(hub: Hub, connection: sa.Connection, row: sa.Row) -> Opened:
    """Raises BundleErased, BundleDamaged."""
    try:
        return open_version(hub.crypt, row)
    except (DecryptionError, ValueError):
        if is_erased(hub, connection, newest_checkpoint(hub, connection), row):
            raise BundleErased("the license's content was erased: there is nothing left to hand out") from None
        raise BundleDamaged(DAMAGED) from None


def bundle_of(hub: Hub, connection: sa.Connection, row: sa.Row, opened: Opened, show: Sequence[str] | None) -> bundles.Bundle:
    """Raises BundleUnavailable, BundleDamaged, KeyError for a field it has not."""
    head = newest_checkpoint(hub, connection)
    proof = check_version(hub, connection, head, row, opened)
    if head is None or proof is Proof.PENDING:
        raise BundleUnavailable("the license is not under a checkpoint yet; ask again in a minute")
    if proof is not Proof.GOOD:
        raise BundleDamaged(DAMAGED)
    made = Attestation(bytes(row.statement), bytes(row.signature), row.kid, row.alg)
    place = attested_at(connection, row, seal.read(made.statement))
    # A witnessed checkpoint where there is one: what leaves the hub should verify under a relying party's policy.
    note = proof_checkpoint(hub, connection, row.entry) or head.note
    size = checkpoints.parse(note).size
    logged = proofs.Proof(row.entry, tuple(inclusion_proof(hub.tiles, row.entry, size)), note)
    status = refer(hub, connection, row.entry, opened.leaf_hash)
    return bundles.make_bundle(opened.secret, opened.fields, opened.leaf, made, place, logged, show=show, status=status)
