"""Acts of people on the staff pages, in the audit log: on record before anything is shown or changed."""

from __future__ import annotations

import json
from collections.abc import Mapping

from license_hub.service.hub import Hub
from license_hub.service.list_audit import Entry, record
from license_hub.service.sign_in import staff
from license_hub.storage.engine import writing

_LONGEST = 2_000


def note(hub: Hub, request_id: str, account: str, action: str, details: Mapping[str, str | int]) -> None:
    """`case_no` goes into its own column; what else is told stands in `purpose`, as JSON, or as it is where it is the purpose alone.

    Raises ValueError for details longer than an entry holds.
    """
    told = {name: value for name, value in details.items() if name != "case_no"}
    purpose = told["purpose"] if told.keys() == {"purpose"} else json.dumps(told, ensure_ascii=False, sort_keys=True) if told else None
    if len(str(purpose)) > _LONGEST:
        raise ValueError(f"details of an act: at most {_LONGEST} characters")
    case = details.get("case_no")
    entry = Entry(request_id, staff(account), action, None, None, "DONE", "STAFF_ACT", purpose and str(purpose), case and str(case))
    with writing(hub.engine) as connection:
        record(connection, hub.now(), [entry])
