"""用证码: a code the holder makes for one license and says to a clerk. Where it is first used it is bound: license, case, operator.

40 random bits, ten minutes, one use; stored as a blind index alone. A wrong, a used and an old code are refused alike, and each wrong one
is a miss of the caller's budget.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from license_hub.errors import ConsentRefused, NotAllowed
from license_hub.service.authenticate import Principal, still
from license_hub.service.authorize import CODE, STANDING, Denied, grant_of
from license_hub.service.budgets import check_misses, miss
from license_hub.service.consent import PHONE, SELF, Told, earlier, kept, note
from license_hub.service.content import holder_form, number_form, subject_index
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.cases import OPEN
from license_hub.storage.engine import writing
from license_hub.storage.idempotency import Call
from license_hub.storage.tables import current, holder
from license_hub.storage.tables_cases import case
from license_hub.storage.tables_grants import authorization

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Nothing in it is taken for something else when it is read out."""
CHARS = 8
LIVES = timedelta(minutes=10)
BOUND = timedelta(hours=24)
"""How long a bound code serves its case."""


def make_code(hub: Hub, number: str, identifier: str, request_id: str = "") -> tuple[str, str]:
    """(the code, until when it can be used). Raises ConsentRefused for a license that is not this holder's."""
    # Of the version that stands: what an older one says of its holder no longer counts.
    mine = (current.c.identifier == number_form(identifier), holder.c.number_bi.in_(hub.crypt.probes("holder", holder_form(number))))
    query = sa.select(current.c.type_id, current.c.license_id).join(holder, holder.c.entry == current.c.entry).where(*mine)
    drawn = int.from_bytes(hub.entropy(5), "big")
    code = "".join(ALPHABET[drawn >> 5 * place & 31] for place in range(CHARS))
    with writing(hub.engine) as connection:
        found = connection.execute(query).first()
        if found is None:
            raise ConsentRefused("/identifier", "exists", "no license of that name is this holder's")
        now = hub.now()
        row = {
            "id": hub.entropy(16).hex(),
            "kind": CODE,
            "client_id": "",
            "case_id": None,
            "type_id": found.type_id,
            "purpose": "",
            "subject_bi": subject_index(hub.crypt, number),
            "license_id": found.license_id,
            "relation": SELF,
            "evidence": PHONE,
            "code_bi": hub.crypt.blind_index("use-code", code),
            "asked_at": instant(now),
            "given_at": instant(now),
            "valid_until": instant(now + LIVES),
        }
        connection.execute(sa.insert(authorization).values(row))
        note(hub, connection, request_id, "holder", row, "CODE_MADE")
    return code, row["valid_until"]


def redeem(hub: Hub, code: str, case_id: int, operator: str, principal: Principal, request_id: str, once: Call | None = None) -> Told:
    """Binds the code to the caller's open case and its operator: the authorisation. A wrong one is a miss of the caller's budget.

    Raises NotAllowed, ConsentRefused, KeyReused, OverBudget.
    """
    check_misses(hub, principal.client_id)
    try:
        return _redeem(hub, code, case_id, operator, principal, request_id, once)
    except ConsentRefused:
        miss(hub, principal.client_id)
        raise


def _redeem(hub: Hub, code: str, case_id: int, operator: str, principal: Principal, request_id: str, once: Call | None = None) -> Told:
    refused = ConsentRefused("/code", "unknown", "no such code, or it was used, or it is too old")
    if not operator.strip():
        raise ConsentRefused("/operator", "required", "who uses it")
    with writing(hub.engine) as connection:
        still(hub, connection, principal)
        if (known := earlier(hub, connection, once)) is not None:
            return known
        opened = connection.execute(
            sa.select(case).where(case.c.case_id == case_id, case.c.client_id == principal.client_id).with_for_update(read=True)
        ).first()
        if opened is None or opened.state != OPEN:
            raise NotAllowed(Denied.CASE_NOT_OPEN)
        probes = hub.crypt.probes("use-code", number_form(code))
        row = connection.execute(sa.select(authorization).where(authorization.c.code_bi.in_(probes)).with_for_update()).first()
        now = hub.now()
        usable = row is not None and row.case_id is None and row.withdrawn_at is None and row.valid_until > instant(now)
        if not usable:
            raise refused
        grant = grant_of(connection, principal.client_id, row.type_id, opened.matter)
        if grant is None or STANDING.get(grant.standing(instant(now))):
            # Which type the code is for is nothing for a client that may not use it.
            raise refused
        bound = {"client_id": principal.client_id, "case_id": case_id, "operator": operator, "purpose": opened.matter}
        connection.execute(sa.update(authorization).where(authorization.c.id == row.id).values(**bound, valid_until=instant(now + BOUND)))
        made = kept(hub, connection, once, row.id)
        note(hub, connection, request_id, principal.client_id, dict(row._mapping) | bound, "CODE_USED", opened.case_no)
    return made
