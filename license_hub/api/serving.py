"""What every route needs: the hub, its messages, the coalescer, the access check. One frozen bundle on `app.state`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

from catalogs.model import Message

if TYPE_CHECKING:
    from license_hub.api.access import Access
    from license_hub.api.coalesce import Coalescer
    from license_hub.service.hub import Hub
    from license_hub.service.verify import Answer, VerifyRequest


@dataclass(frozen=True)
class Serving:
    hub: Hub
    messages: Mapping[str, Message]
    """The catalogue's messages by code: verdicts and problems alike."""
    verifications: Coalescer[VerifyRequest, Answer]
    access: Access

    def close(self) -> None:
        self.verifications.close()
        self.hub.close()


def serving(request: Request) -> Serving:
    return request.app.state.serving


def request_id(request: Request) -> str:
    """The id the frame gave this request."""
    return request.scope["state"]["request_id"]
