"""同步签发 over the API: a row in, an identifier out; refused, held, repeated, killed half-way; reconciled by the next delivery."""

from __future__ import annotations

import asyncio
import base64
import time
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from license_hub.errors import IntakeError, LintRefused
from license_hub.service.erase import Ground, erase_subject
from license_hub.service.fsck import fsck
from license_hub.service.intake import apply_pending
from license_hub.service.lint import lint
from license_hub.service.loose_files import drop_loose
from license_hub.service.register_client import register
from license_hub.storage import tables
from license_hub.storage.idempotency import call_of, intend
from license_hub.storage.tables_lifecycle import attachment, idempotency
from quality.pushes import new_batch, publish_row
from quality.reconcile import findings
from quality.records import HeadMoved
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import company, credit_code, deliver, write_csv

ROUTE = "/v1/intake/business_license"
PDF = b"%PDF-1.7\n" + b"x" * 1000


def push(scene, row, *, key: str | None = None, headers=None, query: str = "", **more):
    sent = scene.bearer() | {"Idempotency-Key": key or uuid4().hex} | (headers or {})
    return scene.send("POST", ROUTE + query, json={"row": row} | more, headers=sent)


def count(scene, table: sa.Table) -> int:
    with scene.hub.engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def verified(scene, identifier: str) -> str:
    return scene.verify(identifier=identifier).json()["code"]


def test_pushed_row_is_issued_and_verifies_pending_then_proven(own_scene):
    from license_hub.service.integrate import integrate

    started = time.perf_counter()
    answer = push(own_scene, company(7001))
    print(f"first push {time.perf_counter() - started:.3f} s")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["outcome"], told["proof"]) == ("issued", "pending") and told["identifier"].count(".") == 9
    pending = own_scene.verify(identifier=told["identifier"]).json()
    assert (pending["code"], pending["log"]) == ("IN_FORCE", "pending")
    integrate(own_scene.hub)
    assert verified(own_scene, told["identifier"]) == "IN_FORCE"
    changed = push(own_scene, company(7001, **{"住所": "样例省样例市新址1号"}))
    assert (changed.status_code, changed.json()["outcome"]) == (200, "changed")
    assert verified(own_scene, told["identifier"]) == "SUPERSEDED"
    status = push(own_scene, company(7001, "3", **{"住所": "样例省样例市新址1号"}))
    assert (status.status_code, status.json()["outcome"]) == (200, "status_changed")
    assert verified(own_scene, changed.json()["identifier"]) == "REVOKED"
    same = push(own_scene, company(7001, "3", **{"住所": "样例省样例市新址1号"}))
    assert (same.status_code, same.json()["outcome"], same.json()["identifier"]) == (200, "unchanged", changed.json()["identifier"])
    integrate(own_scene.hub)
    assert fsck(own_scene.hub).findings == ()


def test_file_and_seal_are_kept_encrypted_with_their_version(scene):
    file = {"media_type": "application/pdf", "content": base64.b64encode(PDF).decode()}
    seal = {"media_type": "application/pkcs7-signature", "content": base64.b64encode(b"seal").decode()}
    answer = push(scene, company(7002), file=file, seal=seal)
    assert answer.status_code == 201
    with scene.hub.engine.connect() as connection:
        rows = list(connection.execute(sa.select(attachment).where(attachment.c.batch == answer.json()["batch"])))
    assert sorted(row.kind for row in rows) == ["file", "seal"] and {row.entry for row in rows} == {answer.json()["entry"]}
    [stored] = [row for row in rows if row.kind == "file"]
    assert PDF not in bytes(stored.data)
    assert scene.hub.crypt.decrypt("hub_attachment", "data", f"{stored.batch}|file", stored.data) == PDF
    wrong = push(scene, company(7003), file=file | {"content": base64.b64encode(b"MZ").decode()})
    assert (wrong.status_code, wrong.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"统一社会信用代码": credit_code(7004)[:-1] + "?"}, "/row/统一社会信用代码", "check_digit"),
        ({"登记机关代码": credit_code(3, "11")}, "/row/登记机关代码", "not_your_organ"),
        ({"统一社会信用代码": credit_code(7004, "12")}, "/row/统一社会信用代码", "not_of_this_type"),
        ({"单位名称": " "}, "/row/单位名称", "required"),
        ({"没有这一列": "x"}, "/row/没有这一列", "unknown_column"),
        ({"有效期至": "2019-01-01"}, "/row", "legal_entity.valid_to.after_established"),
        ({"核准日期": "2027-01-01"}, "/row", "legal_entity.approved_on.not_future"),
    ],
)
def test_row_that_breaks_a_rule_is_refused_by_name_and_issues_nothing(scene, changes, pointer, rule):
    before = count(scene, tables.leaf)
    answer = push(scene, company(7004) | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "ROW_REJECTED"), answer.text
    assert {"pointer": pointer, "rule": rule} in answer.json()["errors"]
    assert count(scene, tables.leaf) == before


def test_file_of_a_rejected_row_goes_when_its_holder_is_erased_or_its_call_is_forgotten(own_scene, monkeypatch):
    hub = own_scene.hub
    file = {"media_type": "application/pdf", "content": base64.b64encode(PDF).decode()}
    refused = [push(own_scene, company(number, **{"核准日期": "2027-01-01"}), file=file) for number in (7101, 7102)]
    assert [one.status_code for one in refused] == [422, 422] and count(own_scene, attachment) == 2
    assert drop_loose(hub) == 0
    erase_subject(hub, credit_code(7101), Ground("test", "样例删〔2026〕9号", credit_code(2, "11")), "officer")
    assert count(own_scene, attachment) == 1

    def killed(*_args, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr("license_hub.service.receive.pushes.publish_row", killed)
    with pytest.raises(KeyboardInterrupt):
        push(own_scene, company(7103), file=file)
    assert count(own_scene, attachment) == 2
    own_scene.clock.at += timedelta(hours=73)
    assert drop_loose(hub) == 1 and count(own_scene, attachment) == 1


def test_type_without_a_commission_is_not_made(catalog):
    from dataclasses import replace

    from license_hub.errors import LintRefused

    kind = replace(catalog.license_types["business_license"], commission=None)
    with pytest.raises(LintRefused, match="not_commissioned"):
        lint(catalog, kind, kind.sources[0], company(1), credit_code(2, "11"))


def test_t11_client_without_an_organ_or_the_type_pushes_nothing(scene):
    hub = scene.hub
    for types, organ, scopes in (
        (["food_permit"], credit_code(2, "11"), ["license:intake"]),
        (["business_license"], None, ["license:verify"]),
    ):
        key = Key()
        client = register(hub, "another", key.jwk, scopes, types, organ)
        form = token_form(key.assertion(client.client_id, hub.public_url, scene.clock().timestamp()))
        token = scene.send("POST", "/oauth/token", data=form).json()["access_token"]
        answer = push(scene, company(7005), headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_push_repeated_under_its_key_issues_once_and_another_body_is_refused(scene):
    first, again = (push(scene, company(7006), key="push-7006") for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["idempotent-replay"]) == (201, 201, "true")
    assert first.json()["identifier"] == again.json()["identifier"]
    other = push(scene, company(7007), key="push-7006")
    assert (other.status_code, other.json()["code"]) == (422, "KEY_REUSED")
    rejected = [push(scene, company(7008, **{"核准日期": "2027-01-01"}), key="push-7008").status_code for _ in range(2)]
    assert rejected == [422, 422]


def test_answered_push_is_answered_again_whatever_would_be_said_of_it_now(scene, monkeypatch):
    from license_hub.service import receive

    first = push(scene, company(7040), key="push-7040").json()

    def refuse(*_args):
        raise LintRefused([("", "not_commissioned")])

    monkeypatch.setattr(receive, "lint", refuse)
    again = push(scene, company(7040), key="push-7040")
    assert (again.status_code, again.headers["idempotent-replay"], again.json()["identifier"]) == (201, "true", first["identifier"])
    assert push(scene, company(7041), key="push-7041").status_code == 422


def test_pushes_of_one_key_and_of_one_row_at_once_issue_once(own_scene):
    row, bearer = company(7009), own_scene.bearer()

    async def together():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(own_scene.app), base_url="http://hub", timeout=60) as client:
            keys = ["same-key"] * 3 + ["other-key"]
            calls = (client.post(ROUTE, json={"row": row}, headers=bearer | {"Idempotency-Key": key}) for key in keys)
            return await asyncio.gather(*calls)

    answers = asyncio.run(together())
    assert all(one.status_code in (200, 201) for one in answers), [one.text for one in answers]
    assert len({one.json()["identifier"] for one in answers}) == 1
    number = own_scene.hub.crypt.blind_index("number", credit_code(7009))
    with own_scene.hub.engine.connect() as connection:
        issued = sa.select(sa.func.count()).where(tables.version.c.number_bi == number)
        assert connection.execute(issued).scalar_one() == 1


def test_push_killed_after_its_intent_or_its_publication_goes_on_under_its_key(own_scene, monkeypatch):
    from license_hub.service import receive

    def killed(*_args, **_named):
        raise KeyboardInterrupt

    for row, module, name in ((company(7010), receive.pushes, "publish_row"), (company(7011), receive, "apply_pending")):
        key = uuid4().hex
        with monkeypatch.context() as patch:
            patch.setattr(module, name, killed)
            with pytest.raises(KeyboardInterrupt):
                push(own_scene, row, key=key)
        answer = push(own_scene, row, key=key)
        assert (answer.status_code, answer.json()["outcome"]) == (201, "issued"), answer.text
    with own_scene.hub.engine.connect() as connection:
        assert connection.execute(sa.select(idempotency).where(idempotency.c.answer.is_(None))).first() is None


def test_publication_applied_by_another_process_answers_the_call_that_sent_it(own_scene, monkeypatch):
    from license_hub.service import receive

    applied = []

    def by_another(hub, resources, prove):
        applied.append(apply_pending(hub, resources))

    monkeypatch.setattr(receive, "apply_pending", by_another)
    answer = push(own_scene, company(7012))
    assert answer.json()["outcome"] == "issued" and applied


def test_call_that_could_not_be_carried_out_now_is_answered_503_and_goes_on_when_sent_again(scene, monkeypatch):
    from license_hub.service import receive

    def overtaken(*_args, **_named):
        raise HeadMoved("others were published all the time")

    def out_of_turn(*_args, **_named):
        raise IntakeError("legal_entity publication 9: publication 8 is not applied yet")

    for number, place, name, fault in ((7030, receive.pushes, "publish_row", overtaken), (7031, receive, "apply_pending", out_of_turn)):
        key = f"now-or-later-{number}"
        with monkeypatch.context() as patch:
            patch.setattr(place, name, fault)
            answer = push(scene, company(number), key=key)
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE") and answer.headers["retry-after"]
        assert push(scene, company(number), key=key).json()["outcome"] == "issued"


def test_row_of_a_resource_the_type_is_not_made_of_is_refused(scene):
    answer = push(scene, company(7032), resource="food_permit")
    assert (answer.status_code, answer.json()["errors"]) == (400, [{"pointer": "/resource", "rule": "not_of_this_type"}])


def test_repeated_row_is_answered_with_its_own_license_where_another_became_the_head_meanwhile(own_scene, monkeypatch):
    from license_hub.service import receive

    first = push(own_scene, company(7020)).json()

    def overtaken(resource, values, catalog, **rest):
        report = publish_row(resource, values, catalog, **rest)
        publish_row(resource, company(7021), catalog, **rest | {"batch": new_batch(resource, rest["now"])})
        return report

    monkeypatch.setattr(receive.pushes, "publish_row", overtaken)
    again = push(own_scene, company(7020)).json()
    assert (again["outcome"], again["identifier"]) == ("unchanged", first["identifier"])


def test_next_delivery_reconciles_pushed_rows_and_differences_become_findings(own_scene, tmp_path):
    for number in (7013, 7014, 7015):
        assert push(own_scene, company(number)).status_code == 201
    from datetime import timedelta

    own_scene.clock.at += timedelta(hours=1)
    rows = [company(1000 + place, status) for place, status in enumerate("12345")] + [company(2000 + place) for place in range(20)]
    report = deliver(own_scene.hub, write_csv(tmp_path / "n.csv", [*rows, company(7013), company(7014, **{"住所": "别处"})]))
    assert report.published
    with own_scene.hub.engine.connect() as connection:
        assert sorted((one.kind, one.fields) for one in findings(connection)) == [("differs", ["address"]), ("missing", [])]


def test_key_recorded_by_a_call_that_never_came_further_is_taken_up(scene):
    """What a server killed right after the intent leaves behind."""
    row, key = company(7016), "never-came-further"
    import json

    body = json.dumps({"row": row}, ensure_ascii=False, separators=(",", ":")).encode()
    call = call_of(scene.hub.crypt, scene.client_id, f"POST {ROUTE}", key, body)
    with scene.hub.engine.begin() as connection:
        batch = "legal_entity-20261121T080000-0123abcd"
        intend(connection, scene.hub.crypt, call, scene.hub.now(), batch=batch, type_id="business_license")
    headers = scene.bearer() | {"Idempotency-Key": key, "Content-Type": "application/json"}
    answer = scene.send("POST", ROUTE, content=body, headers=headers)
    assert (answer.status_code, answer.json()["batch"]) == (201, batch)
