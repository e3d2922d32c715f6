"""Who gets into which page: every route × every role × own or foreign, made from the routes of the application and the policy's rows.

A page of the application without a row fails here (and stops the application), a row without a page too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx
import pytest
from fastapi.routing import APIRoute

from catalogs.load import load
from license_hub.api.build import build
from license_hub.service.staff_sessions import open_session
from license_hub.storage.engine import writing
from license_hub.web import pages
from tests.license_hub.web.staff_visit import BODY, OTHER_BODY, ROLES, Browser

POLICY = load().access
NOBODY = "nobody"
HOLE = re.compile(r"\{(\w+)\}")
FILLED = {
    "resource": "legal_entity",
    "rule": "legal_entity.credit_code.check_digit",
    "batch": "none",
    "sample": "none",
    "identifier": "none",
}
"""What other holes of an address are filled with: the guard looks at {number} and {code} alone."""


@dataclass(frozen=True)
class Cell:
    """One question: may `who` do `route`, where the page is about `body`?"""

    route: str
    who: str
    body: str = BODY

    @property
    def allowed(self) -> bool:
        rule = POLICY.routes[self.route]
        if rule.public:
            return True
        return self.who in rule.roles and not (self.who == "body" and rule.own is not None and self.body != BODY)

    def __str__(self) -> str:
        return f"{self.route} {self.who} {'own' if self.body == BODY else 'foreign'}"


CELLS = [
    Cell(route, who, body)
    for route, rule in POLICY.routes.items()
    if rule.holder is None  # the holders' own door: `test_me`
    for who in (*ROLES, NOBODY)
    for body in ((BODY, OTHER_BODY) if rule.own else (BODY,))
]


def routes(app) -> set[str]:
    found = [one for one in app._app.routes if isinstance(one, APIRoute)]
    return {f"{method} {one.path}" for one in found for method in one.methods}


def test_t32_every_route_of_the_staff_pages_has_a_policy_row_and_every_row_a_route(app, staffed):
    open_to_all = routes(build(staffed, pages.routers(), pages.problem_page))
    assert routes(app) - open_to_all == POLICY.routes.keys()


def test_t32_routes_of_the_door_alone_are_public():
    open_to_all = {"GET /sign-in", "POST /sign-in", "GET /sign-in/provider", "GET /sign-in/provider/back"}
    assert {name for name, rule in POLICY.routes.items() if rule.public} == open_to_all


@pytest.fixture(scope="module")
def visitors(app, staffed) -> dict[str, tuple[Browser, str]]:
    """Role → a signed-in browser and the token of its forms. The session is opened as `sign_in` opens it."""
    found = {}
    for who in (*ROLES, NOBODY):
        visitor = Browser(app)
        if who != NOBODY:
            with writing(staffed.engine) as connection:
                visitor.cookies.set("hub", open_session(staffed, connection, who))
        found[who] = visitor, visitor.token("/staff" if who != NOBODY else "/sign-in")
    return found


def ask(cell: Cell, visitors, tickets, licenses, *, form: bool = True) -> httpx.Response:
    """The request of a cell: an address that fits, and for a form its token and nothing else."""
    visitor, token = visitors[cell.who]
    method, _, template = cell.route.partition(" ")
    given = FILLED | {"identifier": licenses[cell.body], "number": str(tickets[cell.body]), "code": cell.body}
    path = HOLE.sub(lambda hole: given.get(hole[1], "1"), template)
    # Signing out would end the session the other cells use.
    if cell.route == "POST /sign-out":
        token = "" if cell.allowed else token
    return visitor.send(method, path, **({"data": {"csrf": token}} if method == "POST" and form else {}))


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_t32_page_lets_in_whom_the_policy_names_and_nobody_else(cell, visitors, tickets, licenses):
    answer = ask(cell, visitors, tickets, licenses)
    if POLICY.routes[cell.route].sealed:
        assert answer.status_code == 403 and "链接已失效" in answer.text
    elif cell.allowed:
        assert code(answer) != "FORBIDDEN" and answer.status_code != 401 and "/sign-in?" not in answer.headers.get("location", "")
    elif cell.who == NOBODY:
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    else:
        assert (answer.status_code, code(answer)) == (403, "FORBIDDEN")


CHANGING = [
    Cell(name, sorted(rule.roles)[0] if rule.roles else NOBODY)
    for name, rule in POLICY.routes.items()
    if name.startswith("POST") and rule.holder is None
]


@pytest.mark.parametrize("cell", CHANGING, ids=str)
def test_t32_form_of_every_changing_route_needs_the_token(cell, visitors, tickets, licenses):
    answer = ask(cell, visitors, tickets, licenses, form=False)
    assert (answer.status_code, code(answer)) == (403, "FORM_STALE")


def code(answer: httpx.Response) -> str:
    return answer.json()["code"] if "json" in answer.headers.get("content-type", "") and "code" in answer.json() else ""
