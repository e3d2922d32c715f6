"""Budgets: calls of a client (leased, `Leases`), and inside the answering transaction its misses and its looks at one holder.

- Once the misses of a window are used up, hits are refused like misses: what is refused says nothing of what exists (T10).
- Looks are counted in the audit log, misses in their own row; both are shared by all workers. A batch counts in the order of its calls.
- A refused call is on record; the row of misses is raised by answers alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from license_hub.domain.budget import Spent
from license_hub.errors import OverBudget
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage import budgets
from license_hub.storage.engine import writing

LEASE = 20
"""Parts of a window's calls a worker takes at once: it may leave that much unused, and never grants more than there is."""
MOST_CLIENTS = 4_096


@dataclass(frozen=True)
class Charge:
    """One answer to charge: to whom ('' = nobody), about whom, and whether it found nothing or contradicted the claim."""

    payer: str
    subject: bytes | None
    miss: bool


def over_budget(hub: Hub, connection: sa.Connection, charges: Sequence[Charge]) -> list[int]:
    """For each charge 0, or the seconds until it may be asked again. Answers that are given raise the counters."""
    if not any(one.payer for one in charges):
        return [0] * len(charges)
    now, misses, looks = hub.clock().timestamp(), hub.budgets.misses, hub.budgets.subject
    end = misses.end(now)
    of = {one.payer: (f"misses:{one.payer}", end) for one in charges if one.payer}
    stands = budgets.standing(connection, set(of.values()))
    missed = {payer: stands.get(counter, 0) for payer, counter in of.items()}
    since = instant(hub.now() - timedelta(seconds=looks.seconds))
    looked = budgets.looks_since(connection, {one.subject for one in charges if one.payer and one.subject}, since)
    found, new = [], dict.fromkeys(of, 0)
    for one in charges:
        key = (one.payer, one.subject)
        if one.payer and missed[one.payer] >= misses.quota:
            found.append(max(1, end - int(now)))
        elif one.payer and one.subject and looked.get(key, 0) >= looks.quota:
            found.append(looks.seconds)
        else:
            found.append(0)
            looked[key] = looked.get(key, 0) + 1
            if one.payer and one.miss:
                missed[one.payer] += 1
                new[one.payer] += 1
    raised = budgets.raise_by(connection, {of[payer]: count for payer, count in new.items() if count})
    _give_back(charges, found, {payer: raised[of[payer]] - misses.quota for payer, count in new.items() if count}, end - int(now))
    return found


def _give_back(charges: Sequence[Charge], found: list[int], excess: dict[str, int], seconds: int) -> None:
    """What another worker used up meanwhile: the last misses of this batch are refused after all."""
    for place in reversed(range(len(charges))):
        one = charges[place]
        if excess.get(one.payer, 0) > 0 and one.miss and not found[place]:
            found[place] = max(1, seconds)
            excess[one.payer] -= 1


def miss(hub: Hub, payer: str) -> None:
    """One miss outside an answer's own transaction, e.g. a wrong 用证码. Raises OverBudget where they are used up."""
    with writing(hub.engine) as connection:
        [seconds] = over_budget(hub, connection, [Charge(payer, None, True)])
    if seconds:
        raise OverBudget(seconds)


def check_misses(hub: Hub, payer: str) -> None:
    """Raises OverBudget where the payer's misses are used up."""
    now, policy = hub.clock().timestamp(), hub.budgets.misses
    counter = (f"misses:{payer}", policy.end(now))
    with hub.engine.connect() as connection:
        if budgets.standing(connection, {counter}).get(counter, 0) >= policy.quota:
            raise OverBudget(max(1, counter[1] - int(now)))


class Leases:
    """Calls of clients, in one process: parts of each window's quota are taken from the database and spent from memory."""

    def __init__(self, hub: Hub):
        self._hub = hub
        self._lock = threading.Lock()
        self._refused: dict[str, int] = {}
        self._left: dict[str, tuple[int, int, int]] = {}
        """Client → (end of the window, calls left of the lease, calls left in the database when it was taken)."""

    def spend(self, client_id: str) -> Spent | None:
        """One call from memory; None: `take` has to ask first. Raises OverBudget."""
        now, policy = self._hub.clock().timestamp(), self._hub.budgets.calls
        with self._lock:
            end, left, beyond = self._left.get(client_id, (0, 0, 0))
            if end != policy.end(now):
                return None
            if left == 0:
                if beyond == 0:
                    raise OverBudget(max(1, end - int(now)))
                return None
            self._left[client_id] = (end, left - 1, beyond)
        return Spent(policy, left - 1 + beyond, max(1, end - int(now)))

    def first_refusal(self, client_id: str) -> bool:
        """Whether nobody asked this since the window began."""
        end = self._hub.budgets.calls.end(self._hub.clock().timestamp())
        with self._lock:
            first = self._refused.get(client_id) != end
            self._refused[client_id] = end
            while len(self._refused) > MOST_CLIENTS:
                self._refused.pop(next(iter(self._refused)))
        return first

    def take(self, client_id: str) -> None:
        """A lease of the window that runs."""
        now, policy = self._hub.clock().timestamp(), self._hub.budgets.calls
        end, part = policy.end(now), max(1, policy.quota // LEASE)
        counter = (f"calls:{client_id}", end)
        with writing(self._hub.engine) as connection:
            budgets.forget(connection, int(now) - self._hub.budgets.misses.seconds)
            used = budgets.raise_by(connection, {counter: part})[counter]
        granted = min(part, max(0, policy.quota - (used - part)))
        with self._lock:
            known, left, _beyond = self._left.get(client_id, (0, 0, 0))
            self._left[client_id] = (end, granted + (left if known == end else 0), max(0, policy.quota - used))
            while len(self._left) > MOST_CLIENTS:
                self._left.pop(next(iter(self._left)))
