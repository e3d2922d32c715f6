"""Addresses to come back to: this request's own, and one that a request names, if it is ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

LONGEST = 2_000


def target(request: Request) -> str:
    """Path and query."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def back(wanted: str, otherwise: str) -> str:
    """A path of ours to go on to; anything that could lead elsewhere is not followed."""
    if (
        not wanted.startswith("/")
        or wanted.startswith(("//", "/\\"))
        or "\\" in wanted
        or not wanted.isprintable()
        or len(wanted) > LONGEST
    ):
        return otherwise
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return otherwise
    return otherwise if parts.netloc or parts.scheme else wanted
