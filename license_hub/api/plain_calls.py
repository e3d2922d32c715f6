"""Calls that need nothing of FastAPI: its routing and dependency solver cost more than everything else in front of a verification.

A call is plain if it has no query, says its body is JSON, its caller may make it and its body is valid. Every other call goes FastAPI's
own way from the start, so refusals of input, their texts and the OpenAPI document are made in one place: there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from license_hub.service.authenticate import Principal

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class PlainCall(Generic[Body]):
    """One route: takes a body of `model` from callers whom `check` lets in; `answer` is the route's own function."""

    method: str
    path: str
    model: type[Body]
    check: Callable[[Request], Awaitable[Principal]]
    answer: Callable[[Request, Body, Principal], Awaitable[Response]]

    async def response(self, request: Request, body: bytes) -> Response | None:
        """The answer; None if the call is not plain. Raises what the route raises."""
        if request.scope["query_string"] or request.headers.get("content-type") != "application/json":
            return None
        try:
            asked = self.model.model_validate_json(body)
        except ValidationError:
            return None
        # After the body: what goes FastAPI's way is checked there, and a proof counts once (RFC 9449), as does a call of a budget.
        principal = await self.check(request)
        return await self.answer(request, asked, principal)
