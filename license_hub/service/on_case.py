"""Content leaves the hub on an open case of the caller alone. Asked inside the answering transaction, which holds the case as it is."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.errors import CaseNotOpen
from license_hub.service.hub import Hub
from license_hub.storage import cases
from license_hub.storage.cases import Case


def on_case(connection: sa.Connection, hub: Hub, client_id: str, case_no: str, *, lock: bool = True) -> Case:
    """The client's open case of that number. Raises CaseNotOpen: closed, another client's, or none; never which."""
    case_id = cases.numbered(connection, client_id, case_no)
    found = cases.read(connection, hub.crypt, [case_id], lock=lock).get(case_id) if case_id is not None else None
    if found is None or not found.is_open:
        raise CaseNotOpen("no open case of that number of this client: open one first")
    return found
