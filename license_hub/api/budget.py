"""Budgets at the door: every call of a client is spent from its lease, and every answer says what is left."""

from __future__ import annotations

from fastapi import Request

from license_hub.domain.budget import Budgets, Spent, fields
from license_hub.errors import OverBudget
from license_hub.service.budgets import Leases

from .frame import ANSWER_HEADERS
from .problem import Problem
from .serving import serving


async def spend(request: Request, leases: Leases, budgets: Budgets, client_id: str) -> None:
    """One call. Raises Problem 429."""
    try:
        spent = leases.spend(client_id)
        while spent is None:
            await serving(request).leasing.call(client_id)
            spent = leases.spend(client_id)
    except OverBudget as refused:
        raise limited(refused.seconds, budgets, Spent(budgets.calls, 0, refused.seconds)) from None
    told = fields(budgets, (spent,))
    request.scope.setdefault("state", {})[ANSWER_HEADERS] = [(name.lower().encode(), value.encode()) for name, value in told.items()]


def limited(seconds: int, budgets: Budgets, *spent: Spent) -> Problem:
    """429 with when to come back (RFC 6585 §4)."""
    return Problem("RATE_LIMITED", headers={"Retry-After": str(seconds)} | (fields(budgets, spent) if spent else {}))
