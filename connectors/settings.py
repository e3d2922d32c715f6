"""Where sources are and how to sign in, by connection id. The only module of this package that reads the environment.

- `HUB_CONN_<ID>` holds a drop folder, a SQLAlchemy URL or the base URL of an API (bearer token as its password).
- `<ID>` is the connection id in capitals, everything but letters and digits as `_`.
- `HUB_CONN_FILE` names a file, such as a mounted secret, of `<ID>=address` lines; a variable goes before a line.

A DAG passes its own `Credentials`, which reads Airflow Connections. Nothing here is ever printed: `repr` leaves it out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from connectors.errors import ContractBroken

_PREFIX = "HUB_CONN_"
_FILE = "HUB_CONN_FILE"


@dataclass(frozen=True)
class Connection:
    """One source's address. `url` of an API carries no user and no password; `token` is its bearer token."""

    id: str
    url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Credentials(Protocol):
    def connection(self, connection_id: str) -> Connection:
        """The connection of that id. Raises ContractBroken where there is none."""
        ...


def connection(connection_id: str, address: str) -> Connection:
    """A connection from one address text; takes the token of an API out of its URL."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        return Connection(connection_id, address)
    host = parts.netloc.rpartition("@")[2]
    token = unquote(parts.password) if parts.password else None
    return Connection(connection_id, urlunsplit((parts.scheme, host, parts.path, "", "")), token)


class EnvironmentCredentials:
    """Connections from environment variables (or any mapping of the same names)."""

    def __init__(self, environment: Mapping[str, str] | None = None):
        self._environment = os.environ if environment is None else environment

    def connection(self, connection_id: str) -> Connection:
        name = re.sub(r"[^A-Z0-9]", "_", connection_id.upper())
        address = self._environment.get(_PREFIX + name) or self._mounted().get(name)
        if not address:
            raise ContractBroken(
                "no address is known for the connection",
                source=connection_id,
                hint=f"set {_PREFIX}{name}, or add a line {name}=… to the file that {_FILE} names",
            )
        return connection(connection_id, address)

    def _mounted(self) -> dict[str, str]:
        path = self._environment.get(_FILE)
        if not path:
            return {}
        lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        return {name.strip().upper().removeprefix(_PREFIX): address.strip() for name, _, address in pairs}
