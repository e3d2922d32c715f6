"""`POST /v1/corrections`: from a license or an own answer to a ticket at the responsible body, and its answer back. 暂行更正 is shown."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from license_hub.api.corrections import EXAMPLES, CorrectionIn
from license_hub.service.list_audit import list_audit
from license_hub.service.register_client import SCOPES, register
from quality.store.tables_tickets import correction, ticket
from quality.tickets.act import Request, act
from quality.tickets.provisional import Edit, edit
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role
from tests.license_hub.api.conftest import CASE_NO, scene_at
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import STATUSES, company, credit_code, deliver, identifier_of, write_csv

WORDS = {"fields": ["KZ_住所"], "reason": "OUTDATED", "comment": "企业已于上月迁址至样例新区一路，证照仍是原住所。"}
BODY = Actor("clerk", Role.BODY, credit_code(2, "11"))


def ask(scene, number: int | None = 2000, *, key: str | None = None, headers=None, **changes):
    asked = ({"identifier": identifier_of(scene.hub, credit_code(number))} if number else {}) | WORDS | changes
    return scene.send("POST", "/v1/corrections", json=asked, headers=(headers or scene.bearer()) | {"Idempotency-Key": key or uuid4().hex})


def ticket_of(scene, name: str) -> sa.Row:
    with scene.hub.engine.connect() as connection:
        query = sa.select(ticket).join(correction, correction.c.ticket == ticket.c.ticket).where(correction.c.correction == name)
        return connection.execute(query).one()


def do(scene, name: str, what: Act, **given) -> str:
    return act(scene.hub.catalog, Request(name, what, BODY, **given), database=scene.hub.engine, now=scene.hub.now())


def look(scene, name: str, headers=None):
    return scene.send("GET", f"/v1/corrections/{name}", headers=headers or scene.bearer())


def read(scene, identifier: str) -> dict:
    headers = {"Hub-Purpose": "test", "Hub-Case-No": CASE_NO}
    return scene.send("GET", f"/v1/licenses/{identifier}", headers=scene.bearer() | headers).json()


def test_request_is_a_ticket_at_the_rows_body_and_its_answer_comes_back(own_scene):
    answer = ask(own_scene)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["state"], told["outcome"], told["answer"], told["due_on"]) == ("ISSUED", None, None, "2026-12-04")
    line = ticket_of(own_scene, told["id"])
    assert (line.kind, line.body, line.resource, line.number) == ("correction", BODY.body, "legal_entity", told["ticket"])
    assert answer.headers["location"] == f"/v1/corrections/{told['id']}"
    do(own_scene, line.ticket, Act.ACCEPT)
    do(own_scene, line.ticket, Act.ANSWER, reason="VALUE_RIGHT", comment="登记档案中住所未变")
    again = look(own_scene, told["id"]).json()
    assert (again["state"], again["outcome"]) == ("CLOSED", "NOT_CORRECTED")
    assert (again["answer"]["reason"], again["answer"]["comment"]) == ("VALUE_RIGHT", "登记档案中住所未变")
    [entry] = list_audit(own_scene.hub, action="correct")
    assert (entry.actor, entry.code, entry.purpose) == (own_scene.client_id, "RAISED", "OUTDATED")


def test_same_key_raises_one_and_another_body_under_it_is_refused(own_scene):
    first, second = ask(own_scene, key="one-key-1"), ask(own_scene, key="one-key-1")
    assert first.json()["id"] == second.json()["id"] and second.headers["idempotent-replay"] == "true"
    assert ask(own_scene, key="one-key-1", reason="WRONG").json()["code"] == "KEY_REUSED"
    joined = ask(own_scene)
    assert joined.json()["id"] != first.json()["id"] and joined.json()["ticket"] == first.json()["ticket"]
    with own_scene.hub.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(correction)) == 2


@pytest.fixture(scope="module")
def busy(tmp_path_factory, catalog):
    made = scene_at(tmp_path_factory.mktemp("corrections"), catalog)
    yield made
    made.hub.close()


def test_answer_of_an_own_verification_names_the_license_too(busy):
    identifier = identifier_of(busy.hub, credit_code(2001))
    verified = busy.verify(identifier=identifier).json()
    at = busy.clock()
    named = {"request_id": verified["request_id"], "at": at.isoformat()}
    assert ask(busy, None, answer=named).json()["identifier"] == identifier
    late = named | {"at": (at + timedelta(minutes=3)).isoformat()}
    assert ask(busy, None, answer=late).status_code == 404
    assert ask(busy, None, answer=named | {"request_id": "00000000"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"fields": []}, 400, "INVALID_REQUEST", "/fields"), ({"fields": ["KZ_无此项"]}, 400, "INVALID_REQUEST", "/fields/0"),
        ({"reason": "BORED"}, 400, "INVALID_REQUEST", "/reason"), ({"comment": " "}, 400, "INVALID_REQUEST", "/comment"),
        ({"comment": "好‮坏"}, 400, "INVALID_REQUEST", None), ({"identifier": "1.2.3"}, 403, "FORBIDDEN", None),
        ({"answer": {"request_id": "12345678", "at": "2026-11-21T08:00:00Z"}}, 400, "INVALID_REQUEST", None),
    ],
)  # fmt: skip
def test_request_that_cannot_be_taken_names_the_part_and_opens_nothing(busy, changes, status, code, pointer):
    answer = ask(busy, 2002, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert pointer is None or answer.json()["errors"][0]["pointer"] == pointer
    with busy.hub.engine.connect() as connection:
        identifier = identifier_of(busy.hub, credit_code(2002))
        assert not connection.scalar(sa.select(sa.func.count()).where(correction.c.identifier == identifier))


def test_without_a_key_nothing_is_raised(busy):
    answer = busy.send(
        "POST", "/v1/corrections", json={"identifier": identifier_of(busy.hub, credit_code(2003))} | WORDS, headers=busy.bearer()
    )
    assert answer.json()["errors"][0]["pointer"] == "/headers/Idempotency-Key"


def test_t34_another_client_reads_nobodys_request_and_raises_none_of_a_type_not_granted(busy):
    own = ask(busy, 2004).json()["id"]
    key = Key()
    for types, status in ((sorted(busy.hub.catalog.license_types), 201), (["food_permit"], 403)):
        client = register(busy.hub, "other system", key.jwk, SCOPES, types, credit_code(2, "11"))
        form = token_form(key.assertion(client.client_id, busy.hub.public_url, busy.clock().timestamp()))
        bearer = {"Authorization": f"Bearer {busy.send('POST', '/oauth/token', data=form).json()['access_token']}"}
        assert look(busy, own, bearer).status_code == 404
        assert ask(busy, 2005, headers=bearer).status_code == status
    assert look(busy, "0" * 32).status_code == 404 and look(busy, own).status_code == 200


def test_t3_what_the_asker_wrote_is_in_no_table_log_entry_or_address(busy):
    ask(busy, 2006)
    with busy.hub.engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table(name))).all()
            assert "样例新区" not in repr(rows)
    for path in (busy.hub.lake / "tickets").rglob("*.parquet"):
        assert "样例新区".encode() not in path.read_bytes()


def test_source_that_has_no_such_row_any_more_is_told(own_scene):
    rows = [company(1000 + place, status) for place, status in enumerate(STATUSES.values())]
    rows += [company(2000 + place) for place in range(20) if place != 7]
    report = deliver(own_scene.hub, write_csv(own_scene.hub.lake / "next.csv", rows))
    assert report.removed == 1
    answer = ask(own_scene, 2007)
    assert (answer.status_code, answer.json()["code"]) == (409, "SOURCE_ROW_GONE")


def test_provisional_value_is_shown_by_field_and_day_and_changes_neither_content_nor_grade(own_scene):
    identifier = identifier_of(own_scene.hub, credit_code(2000))
    before = read(own_scene, identifier)
    line = ticket_of(own_scene, ask(own_scene).json()["id"])
    do(own_scene, line.ticket, Act.ACCEPT)
    asked = Edit(line.ticket, 1, {"address": "样例新区一路9号"}, BODY, identifier)
    edit(own_scene.hub.catalog, asked, lake=own_scene.hub.lake, database=own_scene.hub.engine, now=own_scene.hub.now())
    shown = read(own_scene, identifier)
    assert shown["provisional"] == [{"field": "KZ_住所", "until": "2026-12-04"}]
    assert {**before, "provisional": shown["provisional"], "request_id": shown["request_id"]} == shown and "新区" not in str(shown)
    own_scene.clock.at += timedelta(seconds=10)
    verified = own_scene.verify(identifier=identifier).json()
    assert (verified["code"], verified["grade"], verified["provisional"]) == ("IN_FORCE", before["grade"], shown["provisional"])
    page = own_scene.send("POST", "/verify", data={"identifier": identifier, "holder_number": credit_code(2000)}).text
    assert "登记单位正在更正“住所”（暂行更正，最迟到 2026-12-04）" in page and "新区" not in page
    own_scene.clock.at += timedelta(days=14)
    assert "provisional" not in read(own_scene, identifier)
    assert "provisional" not in own_scene.verify(identifier=identifier).json()


def test_examples_of_the_document_are_valid(catalog):
    for example in EXAMPLES:
        assert CorrectionIn.model_validate(example).reason in catalog.tickets.doubts
