"""Where a visitor comes from: a proxy of ours is believed, nobody else."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from fastapi import Request

from license_hub.web.address import address_of

OURS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def request(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 1234)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
        ("10.0.0.7", (), "10.0.0.7"),
        ("10.0.0.7", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.7", ("192.0.2.99, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.7", ("192.0.2.99", "198.51.100.1, 10.0.0.8"), "198.51.100.1"),
        ("10.0.0.7", ("2001:db8:1:2:3:4:5:6",), "2001:db8:1:2::/64"),
        ("fd00::1", ("2001:db8:1:2:ffff::9",), "2001:db8:1:2::/64"),
        ("10.0.0.7", ("no address",), "no address"),
    ],
)
def test_t32_address_is_the_nearest_that_is_none_of_our_proxies(peer, forwarded, found):
    assert address_of(request(peer, *forwarded), OURS) == found
