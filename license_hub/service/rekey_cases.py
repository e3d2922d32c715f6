"""`rekey` of what cases keep: numbers' indexes and every encrypted cell."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.cases import party_place
from license_hub.storage.crypt import NONCE_BYTES
from license_hub.storage.engine import reading
from license_hub.storage.licenses import chunks
from license_hub.storage.rewrite import rewriting
from license_hub.storage.tables_cases import decision, party, receipt, task

CELLS = {decision: ("decision_id", "payload"), receipt: ("receipt_id", "payload"), task: ("task_id", "note")}
"""Table → name its cell is bound to, and the cell."""


def rekey_parties(hub: Hub, actor: str, step: int) -> int:
    moved = 0
    with reading(hub.engine) as connection:
        ids = list(connection.execute(sa.select(party.c.case_id).distinct().order_by(party.c.case_id)).scalars())
    where = (party.c.case_id == sa.bindparam("b_case")) & (party.c.party == sa.bindparam("b_party"))
    values = {name: sa.bindparam(f"b_{name}") for name in ("number_bi", "payload")}
    for part in chunks(ids, step):
        with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
            rows = work.connection.execute(sa.select(party).where(party.c.case_id.in_(part))).all()
            changes = [_party(hub, row) for row in rows if _old(hub, row.payload) or row.number_bi[0] < hub.crypt.index_kid]
            work.change(sa.update(party).where(where).values(values), changes)
            moved += len(changes)
    return moved


def rekey_cells(hub: Hub, actor: str, step: int, table: sa.Table) -> int:
    """Cells that are under an older data key."""
    moved, (name, cell) = 0, CELLS[table]
    with reading(hub.engine) as connection:
        names = list(connection.execute(sa.select(table.c[name]).where(table.c[cell].is_not(None)).order_by(table.c[name])).scalars())
    change = sa.update(table).where(table.c[name] == sa.bindparam("b_name")).values({cell: sa.bindparam("b_cell")})
    for part in chunks(names, step):
        with rewriting(hub.engine, "reencrypt", actor, instant(hub.now())) as work:
            rows = work.connection.execute(sa.select(table.c[name], table.c[cell]).where(table.c[name].in_(part))).all()
            changes = [{"b_name": of, "b_cell": _again(hub, table.name, cell, of, bytes(data))} for of, data in rows if _old(hub, data)]
            work.change(change, changes)
            moved += len(changes)
    return moved


def _party(hub: Hub, row: sa.Row) -> dict[str, object]:
    payload = _again(hub, "hub_case_party", "payload", party_place(row.case_id, row.party), bytes(row.payload))
    index = hub.crypt.advance("holder", bytes(row.number_bi))
    return {"b_case": row.case_id, "b_party": row.party, "b_number_bi": index, "b_payload": payload}


def _again(hub: Hub, table: str, column: str, place: str, cell: bytes) -> bytes:
    return hub.crypt.encrypt(table, column, place, hub.crypt.decrypt(table, column, place, cell), hub.entropy(NONCE_BYTES))


def _old(hub: Hub, cell: bytes) -> bool:
    return bytes(cell[1:9]) != hub.crypt.kid
