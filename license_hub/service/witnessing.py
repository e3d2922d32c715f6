"""Cosignatures for the hub's checkpoints: asked for after a checkpoint is signed, kept beside it, served with it.

- The witnesses are those of the policy (HUB_WITNESS_POLICY); each is asked by HTTP for the newest checkpoint, with a proof from what
  it saw last. Only lines that verify under the policy's keys are kept.
- A policy that asks for no witness (demonstrations) marks every checkpoint unwitnessed, and no grace runs.
- With one, checkpoints without a quorum are served, marked, for the grace; then issuing stops (`require_witnessed`) and the newest
  witnessed checkpoint is served. Verification goes on.
- A witness that saw more entries than the database has, or another root, is evidence that history was rolled back or forked.

Source: C2SP tlog-witness, tlog-cosignature, tlog-policy; design.md decision 3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import sqlalchemy as sa

from license_hub.errors import LeaseLost, LogDiverged, LogError, SignatureBad, Unwitnessed
from license_hub.log import checkpoint as checkpoints
from license_hub.log.checkpoint import Checkpoint
from license_hub.log.cosignature import WitnessKey, add_lines, cosigned
from license_hub.log.proof import consistency_proof
from license_hub.log.submission import SIZE_TYPE, request_body
from license_hub.service.hub import Hub
from license_hub.service.logs import Log, licenses
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.leaves import leased

TIMEOUT_S = 5.0
_TRIES = 3
"""First with the size we know of, then with the witness's own, then once more if it moved meanwhile."""

logger = logging.getLogger("hub.witnessing")


def collect(hub: Hub, log: Log) -> bool:
    """Asks for what the newest checkpoint lacks and publishes it; whether it has a quorum. Raises LogDiverged.

    A witness that does not answer is only logged. Without a quorum to reach it does nothing and is False.
    """
    if not hub.policy.demands:
        return False
    row = _newest(hub, log)
    if row is None:
        return False
    head = _held(hub, row)
    if not _satisfied(hub, head):
        lines = _ask_all(hub, log, head, _last_cosigned(hub, log))
        if lines:
            head = _keep(hub, log, head, lines)
    _publish(hub, log)
    return _satisfied(hub, head)


def require_witnessed(hub: Hub) -> None:
    """Raises Unwitnessed once checkpoints of licenses have lacked a quorum for longer than the grace. Call it before anything is issued."""
    since = unwitnessed_since(hub, licenses(hub))
    if since is not None and hub.now() - since > timedelta(seconds=hub.witness_grace_s):
        raise Unwitnessed(
            f"no quorum of witnesses since {instant(since)}, longer than HUB_WITNESS_GRACE_S={hub.witness_grace_s}: "
            "bring a witness back, then `hub log attend`; verification goes on"
        )


def unwitnessed_since(hub: Hub, log: Log) -> datetime | None:
    """When the oldest checkpoint that no later quorum covers was signed; None if there is none, or no witness is asked for."""
    if not hub.policy.demands:
        return None
    table = log.tables.checkpoint.c
    with reading(hub.engine) as connection:
        witnessed = witnessed_size(hub, connection, log)
        found = connection.execute(sa.select(sa.func.min(table.created_at)).where(table.size > witnessed)).scalar()
    return datetime.fromisoformat(found) if found else None


def witnessed_size(hub: Hub, connection: sa.Connection, log: Log) -> int:
    """Entries under the newest witnessed checkpoint; −1 without one."""
    if not hub.policy.demands:
        return -1
    table = log.tables.checkpoint.c
    query = sa.select(table.size).where(table.witnessed_at.is_not(None)).order_by(table.size.desc()).limit(1)
    found = connection.execute(query).scalar()
    return -1 if found is None else found


def proof_checkpoint(hub: Hub, connection: sa.Connection, log: Log, entry: int) -> str | None:
    """The note an offline proof of the entry should carry: the newest witnessed one that covers it, else the newest; None if none does."""
    table = log.tables.checkpoint.c
    query = sa.select(table.note, table.cosigned).where(table.size > entry).order_by(table.size.desc()).limit(1)
    row = connection.execute(query.where(table.witnessed_at.is_not(None))).first() if hub.policy.demands else None
    row = row or connection.execute(query).first()
    return (row.cosigned or row.note) if row else None


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


def _ask_all(hub: Hub, log: Log, head: Checkpoint, guess: int) -> list[str]:
    """Good lines of every witness that has an address and has not cosigned yet: each answer would be a line more. Raises LogDiverged."""
    addresses: dict[str, list[WitnessKey]] = {}
    done = hub.policy.cosigners(head)
    for one in hub.policy.witnesses:
        if one.url and one.name not in done:
            addresses.setdefault(one.url.rstrip("/"), []).append(one.key)
    with ThreadPoolExecutor(max(1, len(addresses))) as pool:
        asked = [pool.submit(_ask, hub, log, head, guess, url, keys) for url, keys in addresses.items()]
    return [line for one in asked for line in one.result()]


def _ask(hub: Hub, log: Log, head: Checkpoint, guess: int, url: str, keys: Sequence[WitnessKey]) -> list[str]:
    """One witness's lines, or none if it does not answer. Raises LogDiverged."""
    old = min(guess, head.size)
    for _ in range(_TRIES):
        try:
            body = _request(log, head, old)
            answer = httpx.post(f"{url}/add-checkpoint", content=body, timeout=TIMEOUT_S, follow_redirects=False)
        except httpx.HTTPError as fault:
            logger.warning("witness %s does not answer: %s", url, type(fault).__name__)
            return []
        if answer.status_code == 200:
            return _good_lines(head, keys, answer.text, url)
        if answer.status_code != 409 or not answer.headers.get("content-type", "").startswith(SIZE_TYPE):
            logger.error("witness %s refuses the checkpoint of %d entries: %d", url, head.size, answer.status_code)
            if answer.status_code == 422:
                raise LogDiverged(
                    f"witness {url} saw another history of {log.origin} than this one: keep both checkpoints, call for a person"
                )
            return []
        seen = _size(answer.text)
        if seen is None or seen > head.size:
            _check_rolled_back(hub, log, seen, url)
            return []
        if seen == old:
            raise LogDiverged(f"witness {url} cosigned another root of {seen} entries of {log.origin}: keep both, call for a person")
        old = seen
    return []


def _request(log: Log, head: Checkpoint, old: int) -> bytes:
    return request_body(old, consistency_proof(log.tiles, old, head.size), head.note)


def _size(text: str) -> int | None:
    digits = text.removesuffix("\n")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _check_rolled_back(hub: Hub, log: Log, seen: int | None, url: str) -> None:
    """A larger size is another process's newer checkpoint, or one this database has lost."""
    newest = _newest(hub, log)
    if seen is not None and (newest is None or seen > newest.size):
        raise LogDiverged(f"witness {url} saw {seen} entries of {log.origin}, the database has fewer: it was rolled back; restore it first")


def _good_lines(head: Checkpoint, keys: Sequence[WitnessKey], text: str, url: str) -> list[str]:
    """Each line on its own: one bad line must not cost the good ones."""
    good = []
    for line in text.splitlines(keepends=True)[:16]:
        try:
            if cosigned(replace(head, note=add_lines(checkpoints.body(head.origin, head.size, head.root) + "\n", [line])), keys):
                good.append(line)
        except (LogError, SignatureBad):
            logger.error("witness %s gave a cosignature that does not verify", url)
    return good


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
