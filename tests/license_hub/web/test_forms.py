"""No page shows a form whose route refuses whoever looks at it: every page × every role, made from the policy's rows."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from catalogs.changes import Edit
from catalogs.load import load
from license_hub.service.decide_case import Asked, decide_case
from license_hub.service.desk_client import acting_for
from license_hub.service.staff_sessions import open_session
from license_hub.storage.engine import writing
from quality import changes
from quality.sampling import draw
from quality.store import tables
from tests.license_hub.sample_hub import opened_case
from tests.license_hub.web.admin_world import admin_world
from tests.license_hub.web.conftest import RULE
from tests.license_hub.web.staff_visit import BODY, ROLES, Browser

POLICY = load().access
HOLE = re.compile(r"\{\w+\}")
FORM, ATTRIBUTE = re.compile(r"<(?:form|button)\b[^>]*>"), re.compile(r'\b(method|action|formaction)="([^"]*)"')
OPENED = {
    "POST /quality/quarantine/tickets": {"quality"},
    "POST /quality/quarantine/export": {"quality", "body", "supervisor"},
    "POST /quality/quarantine/{batch}/rows/{number}": {"quality", "body", "supervisor"},
    "POST /quality/tickets/{number}/rows/{row}": {"quality", "body", "supervisor"},
    "POST /quality/tickets/{number}/export": {"quality", "body", "supervisor"},
    "POST /quality/samples": {"quality"},
    "POST /quality/samples/{name}/rows": {"quality", "supervisor"},
    "POST /quality/samples/{name}/verdicts": {"quality"},
    "POST /quality/changes": {"quality", "supervisor"},
    "POST /quality/changes/{number}/decision": {"quality", "supervisor"},
    "POST /desk/cases": {"handler"},
    "POST /desk/cases/{case}/decision": {"handler"},
    "POST /desk/cases/{case}/code": {"handler"},
    "POST /desk/cases/{case}/prefill": {"handler"},
    "POST /desk/cases/{case}/close": {"handler"},
    "POST /desk/verify/file": {"handler"},
    "POST /desk/ratings": {"handler"},
    "POST /admin/clients": {"system"},
    "POST /admin/clients/{client}/standing": {"system"},
    "POST /admin/clients/{client}/scopes": {"security"},
    "POST /admin/accounts": {"system"},
    "POST /admin/grants": {"security"},
    "POST /admin/grants/{grant}": {"security"},
}
"""Forms that these pages have for the roles they are for: the pages looked at are not empty."""


@pytest.fixture(scope="module")
def shown(app, staffed, tickets, licenses) -> dict[str, set[str]]:
    """Role → routes of the forms on all pages that role opens."""
    handler = acting_for(staffed, BODY)[0]
    case_id = opened_case(staffed, handler, "form-1")
    told = decide_case(staffed, Asked(case_id, handler)).told
    at = {"lake": staffed.lake, "database": staffed.engine, "now": staffed.now()}
    sample = draw(staffed.catalog, "legal_entity", 5, seed=3, actor="quality", **at).sample
    with writing(staffed.engine) as connection:
        edits = [Edit("limit", "max_rejects", "", 0.2)]
        change = changes.propose(
            connection, staffed.catalog, "legal_entity", edits, author="somebody", reason="试行", now=staffed.now()
        )  # fmt: skip
        batch = connection.scalar(sa.select(tables.batch.c.batch).where(tables.batch.c.resource == "legal_entity"))
        sessions = {role: open_session(staffed, connection, role) for role in ROLES}
    world = admin_world(staffed)
    given = {
        "{client}": world.client.client_id, "{grant}": str(world.grant), "{seq}": str(world.refusal),
        "{resource}": "legal_entity", "{rule}": RULE, "{batch}": batch, "{name}": sample, "{code}": BODY, "{row}": "1",
        "{identifier}": licenses[BODY], "{number}": str(tickets[BODY]),
        "{case}": str(case_id), "{receipt}": next(one["receipt"]["id"] for one in told["materials"] if one["receipt"]),
    }  # fmt: skip
    found: dict[str, set[str]] = {}
    for role in ROLES:
        visitor = Browser(app)
        visitor.cookies.set("hub", sessions[role])
        for route, rule in POLICY.routes.items():
            method, _, template = route.partition(" ")
            if method == "GET" and role in rule.roles and not template.endswith(("/gx", "/trial", "/proof")):
                number = {"{number}": str(change)} if "/changes/" in template else {"{number}": "1"} if "/quarantine/" in template else {}
                path = HOLE.sub(lambda hole, more=number: (given | more)[hole[0]], template)
                page = visitor.get(path + QUERIES.get(template, ""))
                assert page.status_code == 200, (role, path)
                found.setdefault(role, set()).update(filter(None, map(asked, FORM.findall(page.text))))
    return found


QUERIES = {
    "/desk/new": "?matter=food_permit_new",
    "/quality/quarantine": "?resource=legal_entity",
    "/quality/changes/new": "?resource=legal_entity&target=limits",
}


def asked(tag: str) -> str:
    """The route a form or a button of one goes to; '' for buttons that go where their form does."""
    given = dict(ATTRIBUTE.findall(tag))
    path = (given.get("formaction") or given.get("action", "")).partition("#")[0].partition("?")[0]
    if not path:
        assert tag.startswith("<button"), tag
        return ""
    method = "POST" if tag.startswith("<button") else given.get("method", "get").upper()
    fitting = (one for one in sorted(POLICY.routes, key=lambda one: one.count("{")) if one.startswith(f"{method} "))
    return next((one for one in fitting if re.fullmatch(HOLE.sub("[^/]+", one), f"{method} {path}")), f"{method} {path}")


@pytest.mark.parametrize("role", ROLES)
def test_t32_page_has_no_form_that_is_refused_to_whoever_sees_it(shown, role):
    assert not [one for one in shown[role] if one not in POLICY.routes or role not in POLICY.routes[one].roles]


def test_auditors_are_shown_nothing_that_changes_anything_but_their_session(shown):
    assert {one for one in shown["auditor"] if one.startswith("POST")} == {"POST /sign-out"}


@pytest.mark.parametrize("route", OPENED)
def test_form_is_shown_to_those_it_is_for(shown, route):
    assert {role for role in ROLES if route in shown[role]} == OPENED[route]
