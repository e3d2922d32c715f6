"""Where a visitor comes from, for counting failed sign-ins: the nearest address that is none of our own proxies'."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from fastapi import Request

Network = IPv4Network | IPv6Network
_VISITOR_BITS = 64
"""Of an IPv6 address: what lies behind is one visitor's to choose."""


def address_of(request: Request, proxies: Sequence[Network]) -> str:
    """Of an IPv6 visitor its /64. A proxy's word (`X-Forwarded-For`, from the right) counts only where it is one of `proxies`."""
    found = request.client.host if request.client else ""
    told = [one.strip() for one in ",".join(request.headers.getlist("x-forwarded-for")).split(",") if one.strip()]
    while told and _is_of(found, proxies):
        found = told.pop()
    try:
        address = ip_address(found)
    except ValueError:
        return found[:64]
    return str(ip_network((address, _VISITOR_BITS), strict=False)) if address.version == 6 else found


def _is_of(found: str, proxies: Sequence[Network]) -> bool:
    try:
        address = ip_address(found)
    except ValueError:
        return False
    return any(address.version == one.version and address in one for one in proxies)
