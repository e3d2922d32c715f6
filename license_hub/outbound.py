"""Whom the hub trusts when it calls others over TLS."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """httpx's own list, or that of SSL_CERT_FILE, read once a process: it takes 40 ms of CPU, and witnesses are asked every few seconds."""
    return httpx.create_ssl_context()
