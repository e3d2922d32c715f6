"""Cosignatures for the hub's checkpoints: asked for after a checkpoint is signed, kept beside it, served with it.

- The witnesses are those of the policy (HUB_WITNESS_POLICY); each is asked by HTTP for the newest checkpoint, with a proof from what
  it saw last. Only lines that verify under the policy's keys are kept.
- A policy that asks for no witness (demonstrations) marks every checkpoint unwitnessed, and no grace runs.
- With one, checkpoints without a quorum are served, marked, for the grace; then issuing stops (`require_witnessed`) and the newest
  witnessed checkpoint is served. Verification goes on.
- What nothing could be signed over runs the same grace, from when it was made: a log without its key is as unwitnessed.
- A witness that contradicts costs the others' lines nothing (`ask_witness`).

Source: C2SP tlog-witness, tlog-cosignature, tlog-policy; design.md decision 3.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from license_hub.errors import LeaseLost, LogDiverged, LogError, SignatureBad, Unwitnessed
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.cosignature import add_lines
from license_hub.log.policy import Witness
from license_hub.service.ask_witness import Asked, Word, ask
from license_hub.service.hub import Hub
from license_hub.service.logs import Log, licenses
from license_hub.service.proofs import read_checkpoint
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import leased

logger = logging.getLogger("hub.witnessing")


def collect(hub: Hub, log: Log, *, everyone: bool = False) -> bool:
    """Asks for what the newest checkpoint lacks and publishes it; whether it has a quorum. Raises LogDiverged.

    A witness that does not answer is only logged; one that contradicts is told in `hub.contradictions`, and raises where no quorum says
    otherwise. Without a quorum to reach it does nothing and is False. `everyone`: also who lacks beyond the quorum.
    """
    if not hub.policy.demands:
        return False
    row = _newest(hub, log)
    if row is None:
        return False
    head, contradictions = _held(hub, row), []
    if everyone or not _satisfied(hub, head):
        words = _ask_all(hub, log, head)
        contradictions = [one.contradiction for one in words if one.contradiction is not None]
        lines = [line for one in words for line in one.lines]
        if lines:
            head = _keep(hub, log, head, lines)
    _publish(hub, log)
    satisfied = _satisfied(hub, head)
    if contradictions and not satisfied:
        raise LogDiverged("; ".join(contradictions))
    return satisfied


def require_witnessed(hub: Hub) -> None:
    """Raises Unwitnessed once checkpoints of licenses, or a first signature, have lacked for longer than the grace: call it before
    anything is issued."""
    since = unwitnessed_since(hub, licenses(hub))
    if since is not None and hub.now() - since > timedelta(seconds=hub.witness_grace_s):
        raise Unwitnessed(
            f"no quorum of witnesses since {instant(since)}, longer than HUB_WITNESS_GRACE_S={hub.witness_grace_s}: "
            "bring back the witness, or the key that signs checkpoints, then `hub log attend`; verification goes on"
        )


def unwitnessed_since(hub: Hub, log: Log) -> datetime | None:
    """Since when no quorum covers the whole log: when its oldest checkpoint that no later quorum covers was signed, or its oldest leaf
    that none was signed over was made. None if a quorum does, or no witness is asked for."""
    if not hub.policy.demands:
        return None
    table = log.tables.checkpoint.c
    with reading(hub.engine) as connection:
        witnessed = witnessed_size(hub, connection, log)
        found = connection.execute(sa.select(sa.func.min(table.created_at)).where(table.size > witnessed)).scalar()
        signed = connection.execute(sa.select(sa.func.max(table.size))).scalar() or 0
        waiting = connection.execute(sa.select(log.tables.leaf.c.leaf).where(log.tables.leaf.c.entry == signed)).scalar()
    if waiting is not None:
        made = json.loads(bytes(waiting))["at"]
        found = min(found, made) if found else made
    return datetime.fromisoformat(found) if found else None


def witnessed_size(hub: Hub, connection: sa.Connection, log: Log) -> int:
    """Entries under the newest witnessed checkpoint; −1 without one."""
    if not hub.policy.demands:
        return -1
    table = log.tables.checkpoint.c
    query = sa.select(table.size).where(table.witnessed_at.is_not(None)).order_by(table.size.desc()).limit(1)
    found = connection.execute(query).scalar()
    return -1 if found is None else found


def proof_checkpoint(hub: Hub, connection: sa.Connection, entry: int) -> str | None:
    """The note an offline proof of the license log's entry should carry: the newest witnessed one that covers it, else the newest; None
    if none does. Those of a compromised key are passed over, but for the heads that the root vouches for.
    """
    table = licenses(hub).tables.checkpoint.c
    covering = sa.select(table.note, table.cosigned).where(table.size > entry).order_by(table.size.desc())
    vouched = [one.until.size for one in hub.security.keys("checkpoint") if one.until is not None]
    for query in (covering.where(table.witnessed_at.is_not(None)), covering) if hub.policy.demands else (covering,):
        for row in (*connection.execute(query.limit(1)), *connection.execute(query.where(table.size.in_(vouched)))):
            if read_checkpoint(hub, row.note) is not None:
                return row.cosigned or row.note
    return None


def served(hub: Hub, log: Log) -> tuple[str | None, bool]:
    """(checkpoint to serve, whether a quorum cosigned it). After the grace the newest witnessed one takes an unwitnessed one's place."""
    note = log.tiles.read_checkpoint()
    if note is None or not hub.policy.demands or _satisfied(hub, checkpoints.parse(note)):
        return note, note is not None and hub.policy.demands
    since = unwitnessed_since(hub, log)
    if since is None or hub.now() - since <= timedelta(seconds=hub.witness_grace_s):
        return note, False
    table = log.tables.checkpoint.c
    query = sa.select(table.cosigned).where(table.witnessed_at.is_not(None)).order_by(table.size.desc()).limit(1)
    with reading(hub.engine) as connection:
        found = connection.execute(query).scalar()
    return found, found is not None


def _newest(hub: Hub, log: Log) -> sa.Row | None:
    table = log.tables.checkpoint
    with reading(hub.engine) as connection:
        return connection.execute(sa.select(table).order_by(table.c.size.desc()).limit(1)).first()


def _last_cosigned(hub: Hub, log: Log) -> int:
    """A guess at what the witnesses saw last."""
    table = log.tables.checkpoint.c
    with reading(hub.engine) as connection:
        return connection.execute(sa.select(sa.func.max(table.size)).where(table.cosigned.is_not(None))).scalar() or 0


def _held(hub: Hub, row: sa.Row) -> Checkpoint:
    """The row's checkpoint with the cosignatures it has; without any where those cannot be read: then all are asked for again."""
    if row.cosigned is not None:
        try:
            head = checkpoints.parse(row.cosigned)
            hub.policy.cosigners(head)
            return head
        except (LogError, SignatureBad) as fault:
            logger.critical("cosignatures of the checkpoint of %d entries are of no use (%s): asked for anew", row.size, fault)
    return checkpoints.parse(row.note)


def _satisfied(hub: Hub, head: Checkpoint) -> bool:
    try:
        return hub.policy.witnessed(head)
    except (LogError, SignatureBad):
        return False


def _ask_all(hub: Hub, log: Log, head: Checkpoint) -> list[Word]:
    """The word of every witness that has an address and has not cosigned yet: each answer would be a line more."""
    asked: dict[str, list[Witness]] = {}
    done, guess = hub.policy.cosigners(head), _last_cosigned(hub, log)
    for one in hub.policy.witnesses:
        if one.url and one.name not in done:
            asked.setdefault(one.url.rstrip("/"), []).append(one)
    whom = [Asked(url, tuple(one.name for one in found), tuple(one.key for one in found)) for url, found in asked.items()]

    def entries() -> int:
        newest = _newest(hub, log)
        return newest.size if newest else 0

    with ThreadPoolExecutor(max(1, len(whom))) as pool:
        words = list(pool.map(lambda one: ask(log, head, guess, one, entries), whom))
    for one, word in zip(whom, words, strict=True):
        if word.contradiction is not None:
            logger.critical(word.contradiction)
            hub.contradictions[log.origin, one.url] = word.contradiction
        elif word.lines:
            hub.contradictions.pop((log.origin, one.url), None)
    return words


def _keep(hub: Hub, log: Log, head: Checkpoint, lines: Sequence[str]) -> Checkpoint:
    """Lines of several processes add up, one of each key. `witnessed_at` is set with the quorum."""
    table = log.tables.checkpoint
    with writing(hub.engine) as connection:
        row = connection.execute(sa.select(table).where(table.c.size == head.size).with_for_update()).one()
        merged = _held(hub, row)
        for line in lines:
            more = replace(merged, note=add_lines(merged.note, [line]))
            if len(hub.policy.cosigners(more)) > len(hub.policy.cosigners(merged)):
                merged = more
        values: Mapping[str, object] = {"cosigned": merged.note}
        if row.witnessed_at is None and _satisfied(hub, merged):
            values = {**values, "witnessed_at": instant(hub.now())}
        connection.execute(sa.update(table).where(table.c.size == head.size).values(values))
    return merged


def _publish(hub: Hub, log: Log) -> None:
    """The newest checkpoint with its lines, under the integrator's lease: two writers must not put an older one back."""
    row = _newest(hub, log)
    if row is None or row.cosigned is None or log.tiles.read_checkpoint() == row.cosigned:
        return
    try:
        with leased(hub.engine, hub.now(), log.tables):
            row = _newest(hub, log)
            if row is not None and row.cosigned is not None:
                log.tiles.publish_checkpoint(row.cosigned)
    except LeaseLost:
        logger.info("an integrator is at work: the cosigned checkpoint is published by the next round")
