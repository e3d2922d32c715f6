"""Budgets: calls of a client (leased, `Leases`), and inside the answering transaction its misses and its looks at one holder.

- Once the misses of a window are used up, hits are refused like misses: what is refused says nothing of what exists (T10).
- A client's looks are counted in the audit log; misses, a visitor's looks (the log calls all visitors alike) and decisions (many entries
  each, under a number the caller may choose) in rows of their own. All are shared by all workers; a batch counts in the order of its calls.
- A refused call is on record; the row of misses is raised by answers alone.
"""

from __future__ import annotations

import threading
from collections import Counter as Counts
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from license_hub.domain.budget import Spent
from license_hub.errors import OverBudget
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage import budgets
from license_hub.storage.cases import Case
from license_hub.storage.engine import writing

LEASE = 20
"""Parts of a window's calls a worker takes at once: it may leave that much unused, and never grants more than there is."""
MOST_CLIENTS = 4_096


ADDRESS = "address:"
"""Begins the name of a payer who is nobody's client: a visitor, by a blind index of where he comes from."""


@dataclass(frozen=True)
class Charge:
    """One answer to charge: to whom ('' = nobody), about whom, and whether it found nothing or contradicted the claim.

    `on_case`: on an open case it is settled whom it may be about; misses are nothing there, looks at one holder are.
    """

    payer: str
    subject: bytes | None
    miss: bool = False
    on_case: bool = False


def over_budget(hub: Hub, connection: sa.Connection, charges: Sequence[Charge]) -> list[int]:
    """For each charge 0, or the seconds until it may be asked again. Answers that are given raise the counters."""
    spending = Spending(hub, connection, charges)
    spending.keep(connection)
    return spending.waits


class Spending:
    """What the payers of one batch have used, and what its answers add to it, in their order."""

    def __init__(self, hub: Hub, connection: sa.Connection, charges: Sequence[Charge]):
        self._charges = charges
        self._now, self._misses, self._looks = hub.clock().timestamp(), hub.budgets.misses, hub.budgets.subject
        paid = [one for one in charges if one.payer]
        clients = {one.payer for one in paid if not one.payer.startswith(ADDRESS)}
        named = {one.subject for one in paid if one.subject and one.payer in clients}
        self._counted = {(one.payer, one.subject): self._counter(one) for one in paid if one.subject}
        self._missed = {one.payer: (f"misses:{one.payer}", self._misses.end(self._now)) for one in paid if not one.on_case}
        since = instant(hub.now() - timedelta(seconds=self._looks.seconds))
        wanted = {*self._missed.values(), *self._counted.values()}
        spent = budgets.spent(connection, wanted, clients, named, since) if wanted else budgets.Spent({}, {})
        self._stands, self._looked = Counts(spent.standing), Counts(spent.looks)
        self.raised: Counts[budgets.Counter] = Counts()
        """By how much each counter is to be raised."""
        self.waits = [self._wait(one) for one in charges]
        """For each charge 0, or the seconds until it may be asked again; final once `keep` is done."""

    def _counter(self, one: Charge) -> budgets.Counter:
        return f"subject:{one.payer}:{one.subject.hex()}", self._looks.end(self._now)

    def _wait(self, one: Charge) -> int:
        """Seconds; 0: it is given, and counts from now on."""
        if not one.payer:
            return 0
        missed, key = self._missed.get(one.payer), (one.payer, one.subject)
        counted = self._counted.get(key)
        if not one.on_case and self._stands[missed] >= self._misses.quota:
            return max(1, missed[1] - int(self._now))
        if counted and self._stands[counted] + self._looked[key] >= self._looks.quota:
            return self._looks.seconds if self._looked[key] else max(1, counted[1] - int(self._now))
        self._take(one, missed, counted)
        return 0

    def _take(self, one: Charge, missed: budgets.Counter | None, counted: budgets.Counter | None) -> None:
        in_rows = one.on_case or one.payer.startswith(ADDRESS)
        if counted and not in_rows:
            self._looked[one.payer, one.subject] += 1
        for counter in (counted if in_rows else None, missed if one.miss and not one.on_case else None):
            if counter:
                self._stands[counter] += 1
                self.raised[counter] += 1

    def keep(self, connection: sa.Connection) -> None:
        """Raises the counters; what another worker used up meanwhile: the last misses of this batch are refused after all."""
        stand = budgets.raise_by(connection, self.raised)
        excess = {payer: stand[counter] - self._misses.quota for payer, counter in self._missed.items() if counter in stand}
        for place, one in reversed(list(enumerate(self._charges))):
            if one.miss and not one.on_case and not self.waits[place] and excess.get(one.payer, 0) > 0:
                self.waits[place] = max(1, self._missed[one.payer][1] - int(self._now))
                excess[one.payer] -= 1


def looks(hub: Hub, case: Case) -> list[Charge]:
    """At each of a case's parties, for its client."""
    return [Charge(case.client_id, hub.crypt.blind_index("subject", one.number), on_case=True) for one in case.parties.values()]


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
        if budgets.spent(connection, {counter}).standing.get(counter, 0) >= policy.quota:
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

    def used_up(self, client_id: str) -> int:
        """Seconds until the client's next window, if this process knows that nothing is left of this one; else 0. Spends nothing."""
        now, policy = self._hub.clock().timestamp(), self._hub.budgets.calls
        with self._lock:
            end, left, beyond = self._left.get(client_id, (0, 0, 0))
        return max(1, end - int(now)) if end == policy.end(now) and left == 0 and beyond == 0 else 0

    def first_refusal(self, client_id: str) -> bool:
        """Whether nobody asked this since the window began."""
        end = self._hub.budgets.calls.end(self._hub.clock().timestamp())
        with self._lock:
            first = self._refused.get(client_id) != end
            self._refused[client_id] = end
            while len(self._refused) > MOST_CLIENTS:
                self._refused.pop(next(iter(self._refused)))
        return first

    def take(self, client_ids: Sequence[str]) -> list[None]:
        """A lease of the window that runs, for each that has nothing left of one; for a Coalescer.

        Calls that arrive together take one lease, not one each: else a worker's first moment takes the whole window from the others.
        """
        now, policy = self._hub.clock().timestamp(), self._hub.budgets.calls
        end, part = policy.end(now), max(1, policy.quota // LEASE)
        with self._lock:
            counters = {one: (f"calls:{one}", end) for one in client_ids if self._left.get(one, (0, 0, 0))[:2] < (end, 1)}
        if not counters:
            # Those who arrived before this have taken one that is not used up.
            return [None] * len(client_ids)
        with writing(self._hub.engine) as connection:
            budgets.forget(connection, int(now) - self._hub.budgets.misses.seconds)
            used = budgets.raise_by(connection, dict.fromkeys(counters.values(), part))
        with self._lock:
            for client_id, counter in counters.items():
                taken = used[counter]
                granted = min(part, max(0, policy.quota - (taken - part)))
                self._left[client_id] = (end, granted, max(0, policy.quota - taken))
            while len(self._left) > MOST_CLIENTS:
                self._left.pop(next(iter(self._left)))
        return [None] * len(client_ids)
