"""`close_case`: 办结 or 退件. From then on nothing is looked at for the case any more; what was handed out stays provable."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from license_hub.errors import CaseNotOpen
from license_hub.service.authenticate import Principal, still
from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.open_case import own, tell
from license_hub.signing.commitment import instant
from license_hub.storage import cases
from license_hub.storage.cases import CLOSED, OPEN
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import writing
from license_hub.storage.idempotency import Call, complete, intend
from license_hub.storage.tables_cases import case

RESULTS = ("done", "returned")
"""办结, 退件."""


def close_case(
    hub: Hub, case_id: int, result: str, *, principal: Principal, request_id: str, once: Call
) -> tuple[Mapping[str, object], bool]:
    """(the case as told, whether it is the answer of an earlier call). Raises NoSuchCase, CaseNotOpen, KeyReused, NotAuthenticated."""
    if result not in RESULTS:
        raise ValueError("result: done or returned")
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        known = intend(connection, hub.crypt, once, hub.now())
        if known is not None and known.answer is not None:
            return known.answer, True
        found = own(connection, hub, case_id, principal.client_id)
        # One moment for the row and its entry: by it the archive finds the entry.
        now = hub.now()
        values = {"state": CLOSED, "closed_at": instant(now), "result": result}
        # The condition and not the row read before decides: two calls may close at once.
        if not connection.execute(sa.update(case).where(case.c.case_id == case_id, case.c.state == OPEN).values(values)).rowcount:
            raise CaseNotOpen("the case is closed already")
        told = tell(cases.read(connection, hub.crypt, [case_id])[case_id])
        complete(connection, hub.crypt, once, 200, told, hub.entropy(NONCE_BYTES))
        who = (request_id, principal.client_id, "case", None, None, None, "CLOSED")
        record(connection, now, [Entry(*who, result, found.case_no)])
    return told, False
