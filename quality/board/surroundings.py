"""What the pages need of the house around them: who asks, the page frame, what was issued, the audit log. A composition root gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from fastapi import Request
from fastapi.responses import Response

from catalogs.model import Catalog
from connectors.lake import Lake
from quality import changes
from quality.tickets.record import Actor
from quality.tickets.states import Role


@dataclass(frozen=True)
class Person:
    """Who is signed in. `body`: credit code of the responsible body, for its staff alone."""

    account: str
    name: str
    roles: frozenset[str]
    body: str | None = None

    def sees(self, body: str) -> bool:
        """Staff of a body see their own alone; everybody else who may open the page sees all."""
        return self.roles != {Role.BODY} or body == self.body

    def acting(self, role: Role) -> Actor:
        """As tickets know who acts."""
        return Actor(self.account, role, self.body or "" if role is Role.BODY else "")


@dataclass(frozen=True)
class Issued:
    """A license made of a trusted row: where its page is, its version, whether it is still held."""

    identifier: str
    version: int
    status: str
    url: str


class Tally(Protocol):
    """What became of a publication's rows: licenses made, new ones and new versions; rows on hold now."""

    issued: int
    held: int


class Held(Protocol):
    """Rows of a ticket that wait for an organ's word. `changes`: of licenses there are; `refused`: the organ said no, they stay on hold."""

    organ: str
    rows: int
    changes: int
    refused: int


class Change(Protocol):
    """A held row. `identifier`: of the license it changes, '' = it makes a new one; `fields`: titles of what would read otherwise."""

    identifier: str
    fields: Sequence[str]
    refused: bool


class Waits(Protocol):
    """What one ticket has for one organ. `rows` counts all of it, `listed` has the first ones."""

    ticket: str
    number: int
    resource: str
    rows: int
    changes: int
    refused: int
    listed: Sequence[Change]


class Issuing(Protocol):
    """What is issued of rows, and what issuing organs say to corrections that came through a ticket: a person for his own body alone."""

    def tally(self, resource: str, publication: int) -> Tally: ...

    def held(self, ticket: str) -> Sequence[Held]: ...

    def waiting(self, organ: str) -> tuple[Sequence[Waits], int]:
        """(what waits for that organ's word, by ticket, the oldest first; how many tickets more there are)."""
        ...

    def confirm(self, request: Request, ticket: str) -> Mapping[str, int]:
        """Issues them; {rows, issued, versions, unchanged, waiting, left}. Raises EgovError where the body is not theirs to ask."""
        ...

    def refuse(self, request: Request, ticket: str, reason: str) -> Mapping[str, int]: ...


class Render(Protocol):
    """A template inside the page frame. Every form that changes something carries `{{ csrf }}`."""

    def __call__(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response: ...


class Audit(Protocol):
    """A logged act of a person: an export, an unmasking. Nothing is shown before it is on record."""

    def __call__(self, request: Request, action: str, **details: str | int) -> None: ...


@dataclass(frozen=True)
class Surroundings:
    """Everything `quality.board` takes from outside. The frame has let in nobody whose roles the route's policy does not name."""

    catalog: Catalog
    lake: Lake
    database: sa.Engine
    now: Callable[[], datetime]
    person: Callable[[Request], Person]
    render: Render
    issued: Callable[[str, Sequence[str]], Mapping[str, Issued]]
    """(resource, keys) → by key, the licenses made of these rows."""
    audit: Audit
    issuing: Issuing | None = None
    """None: nothing is issued here."""
    frame_key: bytes = b""
    """What Airflow's plugin seals its links to the framed pages with; empty = nobody sees them."""

    def current(self, connection: sa.Connection) -> Surroundings:
        """With the rules and weights that are in effect now."""
        return replace(self, catalog=changes.effective(self.catalog, connection))
