"""A calling system's side of the hub's API: a key, and then verdicts, cases, decisions, forms and bundles.

    from license_hub.client import HubClient, Key

Needs httpx, PyJWT and cryptography, and of this project `signing`, `log` and `domain` alone: nothing of a hub, no database.
"""

from license_hub.client.calls import HubClient
from license_hub.client.key import Key
from license_hub.client.problems import (
    Conflict,
    Forbidden,
    Gone,
    HubProblem,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    RateLimited,
    TokenRefused,
    Unavailable,
    Unreachable,
)

__all__ = [
    "Conflict",
    "Forbidden",
    "Gone",
    "HubClient",
    "HubProblem",
    "InvalidRequest",
    "Key",
    "NotAuthenticated",
    "NotFound",
    "RateLimited",
    "TokenRefused",
    "Unavailable",
    "Unreachable",
]
