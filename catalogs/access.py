"""Who may open which page, as the catalogue says it. Part of `catalogs.model`'s Catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """Who a route lets in. `own`: whose pages staff of a body may open: of their tickets, of their body; None = not told apart.

    `upload_mib`: how large a file its form may carry; 0 = none, forms are small.
    """

    roles: frozenset[str] = frozenset()
    own: str | None = None
    public: bool = False
    sealed: bool = False
    """Let in by the seal of its link alone (quality/sealed.py), whoever is signed in: the page itself checks it."""
    upload_mib: int = 0
    holder: str | None = None
    """A page of holders 持证主体: `in` for who signed in as one, `open` for the way there. Staff sessions count for nothing here."""


@dataclass(frozen=True)
class Page:
    """An entry of the navigation. `path` as the route has it; `{code}` stands for the visitor's own body."""

    path: str
    title: str


@dataclass(frozen=True)
class AccessPolicy:
    roles: Mapping[str, str]
    """Role → title, in the order people are shown them."""
    navigation: tuple[Page, ...]
    routes: Mapping[str, Policy]
    """'GET /quality/tickets/{number}' → who is let in."""
    source: str
    since: str

    def of(self, method: str, path: str) -> Policy | None:
        """The row of a route, by its template; None = nobody is let in."""
        return self.routes.get(f"{method} {path}")


def read(data: dict) -> AccessPolicy:
    """The policy of a document of good shape."""
    routes = {name: Policy(**{**one, "roles": frozenset(one.get("roles", ()))}) for name, one in data["routes"].items()}
    return AccessPolicy(data["roles"], tuple(Page(**one) for one in data["navigation"]), routes, data["source"], data["since"])
