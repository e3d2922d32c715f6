"""A route whose plain calls skip FastAPI's dependency solver, which costs more than everything else in front of a verification.

A call is plain if it has no query, says its body is JSON, its caller may make it and its body is valid. Every other call takes
FastAPI's own way from the start, so refusals, their texts and the OpenAPI document are made in one place: there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from license_hub.service.authenticate import Principal

Body = TypeVar("Body", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


def plain_calls(
    model: type[Body], check: Callable[[Request], Awaitable[Principal]], answer: Callable[[Request, Body, Principal], Awaitable[Response]]
) -> type[APIRoute]:
    """The class of a route that takes a body of `model` from callers whom `check` lets in, and answers plain calls with `answer`."""

    class PlainCalls(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            thorough = super().get_route_handler()

            async def handle(request: Request) -> Response:
                if request.scope["query_string"] or request.headers.get("content-type") != "application/json":
                    return await thorough(request)
                principal = await check(request)
                try:
                    asked = model.model_validate_json(await request.body())
                except ValidationError:
                    return await thorough(request)
                return await answer(request, asked, principal)

            return handle

    return PlainCalls
