"""How much a caller may ask: quotas over fixed windows, and how the answer says so (draft-ietf-httpapi-ratelimit-headers-10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """`quota` of what `name` counts in each window of `seconds`."""

    name: str
    quota: int
    seconds: int

    def end(self, now: float) -> int:
        """When the window of that moment ends, seconds of the epoch."""
        return (int(now) // self.seconds + 1) * self.seconds


@dataclass(frozen=True)
class Budgets:
    calls: Policy = Policy("calls", 6_000, 60)
    """Calls of one client."""
    misses: Policy = Policy("misses", 100, 3_600)
    """Answers of one client, or one visitor's address, that found nothing or contradicted what was claimed: what guessing is made of."""
    subject: Policy = Policy("subject", 120, 3_600)
    """Looks of one client at one holder."""

    @property
    def policies(self) -> tuple[Policy, ...]:
        return self.calls, self.misses, self.subject


@dataclass(frozen=True)
class Spent:
    """What is left of a policy, and for how many seconds that holds."""

    policy: Policy
    left: int
    seconds: int


def of_quotas(calls: int, misses: int, subject: int) -> Budgets:
    plain = Budgets()
    quotas = {"calls": calls, "misses": misses, "subject": subject}
    return Budgets(**{one.name: Policy(one.name, quotas[one.name], one.seconds) for one in plain.policies})


def fields(budgets: Budgets, spent: Sequence[Spent]) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit`, structured fields."""
    policy = ", ".join(f'"{one.name}";q={one.quota};w={one.seconds}' for one in budgets.policies)
    standing = ", ".join(f'"{one.policy.name}";r={one.left};t={one.seconds}' for one in spent)
    return {"RateLimit-Policy": policy} | ({"RateLimit": standing} if standing else {})
