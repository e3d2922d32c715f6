"""What every route needs: the hub, its messages, the coalescer, the access check. One frozen bundle on `app.state`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from fastapi import Request

from catalogs.model import Message
from license_hub.service.refuse import Refusal

if TYPE_CHECKING:
    from license_hub.api.access import Access
    from license_hub.api.coalesce import Coalescer
    from license_hub.api.proofs import Proofs
    from license_hub.errors import HubError
    from license_hub.service.budgets import Leases
    from license_hub.service.decide_case import Asked, Made
    from license_hub.service.hub import Hub
    from license_hub.service.present import Show, Shown
    from license_hub.service.rounds import Rounds
    from license_hub.service.use_proof import Use
    from license_hub.service.verify import Answer, VerifyRequest


@dataclass(frozen=True)
class Serving:
    hub: Hub
    messages: Mapping[str, Message]
    """The catalogue's messages by code: verdicts and problems alike."""
    verifications: Coalescer[VerifyRequest, Answer]
    decisions: Coalescer[Asked, Made | HubError]
    refusals: Coalescer[Refusal, None]
    presentations: Coalescer[Show, Shown | None]
    """Codes that holders show, for their page."""
    access: Access
    plain_access: Access
    """By the facade's plain tokens, which are good there alone."""
    address: Callable[[Request], str]
    """Where a caller without a token comes from, for counting wrong guesses."""
    leases: Leases
    leasing: Coalescer[str, None]
    """Of clients who have nothing left of theirs."""
    uses: Coalescer[Use, bool]
    """Of DPoP proofs."""
    proofs: Proofs
    integrating: Rounds
    seats: CapacityLimiter
    """Of large bodies at work: pushes, copies, files that are checked."""

    def close(self) -> None:
        self.integrating.stop()
        self.verifications.close()
        self.decisions.close()
        self.refusals.close()
        self.presentations.close()
        self.leasing.close()
        self.uses.close()
        self.hub.close()


def serving(request: Request) -> Serving:
    return request.app.state.serving


async def refused(request: Request, action: str, code: str, **known: str) -> None:
    """Records a refusal before it is answered; `known` are further fields of `Refusal`. Raises what makes the answer 503."""
    await serving(request).refusals.call(Refusal(request_id(request), action, code, **known))


def request_id(request: Request) -> str:
    """The id the frame gave this request."""
    return request.scope["state"]["request_id"]
