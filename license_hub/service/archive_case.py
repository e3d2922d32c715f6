"""单套归档: everything of a case that an auditor asks for years later, in one signed package that needs this hub no more.

    index.json       the case, and each file's SHA-256            index.jws       the signature over index.json (typ case-archive+jwt)
    decisions.json   every decision as it was answered
    checks.json      what issuing bodies were asked and said
    audit.json       the audit entries about the case
    receipts/ID.jws, receipts/ID.tlog-proof                       each receipt, with the log's proof
    evidence/ENTRY.license.json                                   the licenses relied on: a bundle that shows what was relied on alone

A license whose content was erased since is named in the index without its file; the receipt stays whole without it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import datetime

import sqlalchemy as sa

from license_hub.domain.license import FACE, IDENTIFIER
from license_hub.errors import BundleDamaged, BundleErased, BundleUnavailable, CaseNotOpen, NotProvable
from license_hub.service import consent, holder_consent
from license_hub.service.answer_task import tasks_of
from license_hub.service.authenticate import Principal, still
from license_hub.service.export_bundle import bundle_of, opened_of
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.open_case import own, tell
from license_hub.service.receipts import handed_out
from license_hub.signing import bundle as bundles
from license_hub.signing import jose
from license_hub.signing import receipt as receipts
from license_hub.signing.commitment import instant
from license_hub.storage.cases import Case
from license_hub.storage.engine import writing
from license_hub.storage.lookup import FOUND
from license_hub.storage.tables import audit, version
from license_hub.storage.tables_cases import case as case_table
from license_hub.storage.tables_cases import decision, receipt

TYPE = "case-archive+jwt"
MEDIA_TYPE = "application/zip"


def archive_case(hub: Hub, case_id: int, *, principal: Principal, request_id: str) -> bytes:
    """The package of an own, closed case. Raises NoSuchCase, CaseNotOpen while it is open, NotProvable, BundleDamaged,
    NotAuthenticated.
    """
    now = hub.now()
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        case = own(connection, hub, case_id, principal.client_id)
        if case.is_open:
            raise CaseNotOpen("the case is archived once it is closed")
        files = {
            "decisions.json": _json(_decisions(hub, connection, case)),
            "checks.json": _json(tasks_of(hub, connection, case_id)),
            "audit.json": _json(_audit(hub, connection, case)),
        }
        missing = _receipts(hub, connection, case, files)
        package = _packed(hub, case, files, missing, now)
        who = (request_id, principal.client_id, "archive")
        about = [hub.crypt.blind_index("subject", one.number) for one in case.parties.values()]
        record(connection, now, [Entry(*who, None, index, None, "ARCHIVED", case.matter, case.case_no) for index in about])
    return package


def _decisions(hub: Hub, connection: sa.Connection, case: Case) -> list[object]:
    rows = connection.execute(sa.select(decision).where(decision.c.case_id == case.case_id).order_by(decision.c.seq))
    return [json.loads(hub.crypt.decrypt("hub_decision", "payload", row.decision_id, row.payload)) for row in rows]


def _audit(hub: Hub, connection: sa.Connection, case: Case) -> list[dict[str, object]]:
    """Entries about the case, in order: its client's own, whoever they are about; the holder's word that was asked for on it; and what
    others (an issuing body) did about its parties. A platform that gave the same number to a case of its own is none of them.
    """
    rows = connection.execute(sa.select(audit).where(audit.c.case_no == case.case_no).order_by(audit.c.seq)).all()
    named = sa.select(case_table.c.client_id).where(case_table.c.case_no == case.case_no)
    strangers = set(connection.scalars(named)) - {case.client_id}
    asked = {_authorization(row) for row in rows if row.actor == case.client_id and row.action == consent.ACTION}
    parties = {index for one in case.parties.values() for index in hub.crypt.probes("subject", one.number)}

    def belongs(row: sa.Row) -> bool:
        if row.actor == case.client_id:
            return True
        if row.actor == holder_consent.ACTOR:
            return _authorization(row) in asked
        return row.actor not in strangers and row.subject_bi is not None and bytes(row.subject_bi) in parties

    names = ("seq", "at", "request_id", "actor", "action", "entry", "status", "code", "purpose", "case_no", "log_entry", "place")
    return [{name: row._mapping[name] for name in names} for row in rows if belongs(row)]


def _authorization(row: sa.Row) -> str:
    """The id that `consent.note` puts last."""
    return (row.purpose or "").rpartition(" ")[2]


def _receipts(hub: Hub, connection: sa.Connection, case: Case, files: dict[str, bytes]) -> list[str]:
    """Receipts with their proofs, and the licenses they rely on; identifiers of those that are gone."""
    relied: dict[int, set[str]] = {}
    for row in connection.execute(sa.select(receipt).where(receipt.c.case_id == case.case_id).order_by(receipt.c.entry)).all():
        one = handed_out(hub, connection, row)
        if one.proof is None:
            raise NotProvable("not every receipt is under a checkpoint yet; ask again in a minute")
        files[f"receipts/{one.receipt_id}.jws"] = one.token.encode()
        files[f"receipts/{one.receipt_id}.tlog-proof"] = one.proof.encode()
        if row.version_entry is not None:
            claims = jose.read(one.token, types=(receipts.TYPE,), most=receipts.MOST_CHARS).claims
            relied.setdefault(row.version_entry, set()).update(claims["fields"]["relied_on"].split(";"))
    missing = []
    for row in connection.execute(FOUND.where(version.c.entry.in_(sorted(relied)))):
        try:
            show = [IDENTIFIER, *sorted(FACE + title for title in relied[row.entry])]
            made = bundle_of(hub, connection, row, opened_of(hub, connection, row), show)
            files[f"evidence/{row.entry}.license.json"] = bundles.write(made)
        except BundleErased:
            missing.append(row.identifier)
        except BundleDamaged:
            raise
        except BundleUnavailable:
            raise NotProvable("not every license it relies on is under a checkpoint yet; ask again in a minute") from None
    return missing


def _packed(hub: Hub, case: Case, files: dict[str, bytes], missing: list[str], now: datetime) -> bytes:
    index = _json(
        {
            "v": 1,
            "kind": "case-archive",
            "hub": hub.public_url,
            "made_at": instant(now),
            "case": tell(case),
            "parties": [vars(case.parties[name]) for name in sorted(case.parties)],
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
            "erased": sorted(missing),
        }
    )
    claims = {"iss": hub.public_url, "iat": int(now.timestamp()), "sub": str(case.case_id), "sha256": hashlib.sha256(index).hexdigest()}
    signed = jose.make(hub.keyring.signer("status"), TYPE, claims).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in {"index.json": index, "index.jws": signed, **files}.items():
            package.writestr(zipfile.ZipInfo(name, now.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode()
