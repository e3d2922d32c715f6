"""The pages around a bench: a person named by a header, a plain frame, what was audited and issued in plain lists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import httpx
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from catalogs.errors import EgovError
from catalogs.load import load
from connectors.lake import Lake
from quality.board import routers
from quality.board.surroundings import Issued, Person, Surroundings
from quality.store.tables_tickets import ticket
from tests.quality.deliveries import Bench
from tests.support import loops

HERE = Path(__file__).parent
TEMPLATES = Path(__file__).resolve().parents[3] / "quality" / "board" / "templates"
POLICY = load().access
KEY = bytes(range(32))
"""Of the framed pages."""
STAFF = Person("staff", "样例质检员", frozenset({"quality"}))
CHIEF = Person("chief", "样例主管", frozenset({"supervisor"}))
AUDITOR = Person("auditor", "样例审计员", frozenset({"auditor"}))


def clerk(body: str) -> Person:
    return Person(f"clerk-{body[-4:]}", "样例经办人", frozenset({"body"}), body)


@dataclass(frozen=True)
class Change:
    identifier: str
    fields: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True)
class OfTicket:
    ticket: str
    number: int
    resource: str
    rows: int
    changes: int
    refused: int
    listed: tuple[Change, ...]


@dataclass(frozen=True)
class Waiting:
    organ: str
    rows: int
    changes: int = 0
    refused: int = 0
    listed: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Tally:
    issued: int
    held: int


@dataclass
class House:
    bench: Bench
    audited: list[dict] = field(default_factory=list)
    licenses: dict[str, Issued] = field(default_factory=dict)
    held_rows: list[tuple[str, Waiting]] = field(default_factory=list)
    """(ticket, what waits for an organ's word)"""
    words: list[tuple[str, str]] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self):
        loader = ChoiceLoader([FileSystemLoader(HERE / "plain"), FileSystemLoader(TEMPLATES)])
        self.environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"])
        self.environment.install_null_translations(newstyle=True)
        self.app = FastAPI()
        for one in routers(self.around()):
            self.app.include_router(one)

    def around(self) -> Surroundings:
        return Surroundings(
            catalog=self.bench.catalog, lake=Lake.of(self.bench.lake), database=self.bench.database, now=lambda: self.bench.now,
            person=lambda request: self.people[request.headers["person"]], render=self.render, issued=self.issued, audit=self.audit,
            issuing=self, frame_key=KEY,
        )  # fmt: skip

    def render(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        token = Markup('<input type="hidden" name="csrf" value="token">')
        roles = self.people[request.headers["person"]].roles
        shared = {"csrf": token, "may": lambda method, path: bool(POLICY.routes[f"{method} {path}"].roles & roles)}
        return HTMLResponse(self.environment.get_template(template).render(**shared, **context), status_code=status)

    def issued(self, resource: str, keys: Sequence[str]) -> Mapping[str, Issued]:
        return {key: self.licenses[key] for key in keys if key in self.licenses}

    def audit(self, request: Request, action: str, **details: str | int) -> None:
        self.audited.append({"action": action, "by": request.headers["person"], **details})

    def tally(self, resource: str, publication: int) -> Tally:
        return Tally(len(self.licenses), len(self.held_rows))

    def held(self, ticket: str) -> list[Waiting]:
        return [one for name, one in self.held_rows if name == ticket]

    def waiting(self, organ: str) -> tuple[list[OfTicket], int]:
        mine = [(name, one) for name, one in self.held_rows if one.organ == organ]
        with self.bench.database.connect() as connection:
            numbers = dict(connection.execute(sa.select(ticket.c.ticket, ticket.c.number)).all())
        return [OfTicket(name, numbers[name], "thing", one.rows, one.changes, one.refused, one.listed) for name, one in mine], 0

    def confirm(self, request: Request, ticket: str) -> Mapping[str, int]:
        return self._word(request, ticket, "confirm")

    def refuse(self, request: Request, ticket: str, reason: str) -> Mapping[str, int]:
        return self._word(request, ticket, f"refuse: {reason}")

    def _word(self, request: Request, ticket: str, word: str) -> Mapping[str, int]:
        body = self.people[request.headers["person"]].body
        if not any(one.organ == body for one in self.held(ticket)):
            raise EgovError("only the organ that issues a license confirms a change of it")
        self.words.append((body, word))
        self.held_rows = [(name, one) for name, one in self.held_rows if one.organ != body or word != "confirm"]
        return {}

    def send(self, person: Person, method: str, path: str, **rest) -> httpx.Response:
        self.people[person.account] = person

        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://hub") as client:
                return await client.request(method, path, headers={"person": person.account}, **rest)

        return loops.run(go())

    def get(self, person: Person, path: str) -> httpx.Response:
        return self.send(person, "GET", path)

    def post(self, person: Person, path: str, **form) -> httpx.Response:
        return self.send(person, "POST", path, data=form)


def text_of(page: str) -> str:
    """What a person reads, without any white space."""
    return "".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())
