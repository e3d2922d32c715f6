from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest
import sqlalchemy as sa

from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import CaseNotOpen, NotProvable
from license_hub.log import bundle as proofs
from license_hub.log.tree import leaf_hash
from license_hub.service.answer_task import Said, answer_task, list_tasks
from license_hub.service.archive_case import TYPE, archive_case
from license_hub.service.consent import Wanted, ask
from license_hub.service.erase import Ground, erase_license
from license_hub.service.holder_consent import answer, withdraw
from license_hub.service.integrate import attend
from license_hub.service.publish_manifest import newest
from license_hub.service.refuse import Refusal, refuse
from license_hub.signing import bundle as bundles
from license_hub.signing import jose, manifest, receipt
from license_hub.storage.tables_cases import case as case_table

from ..sample_hub import identifier_of
from .casework_cases import TEST, Counter, by_material, filled_counter, with_matters
from .publishing import ORGAN, Publisher, credit_code


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, TEST)


@pytest.fixture
def counter(hub, publisher: Publisher) -> Counter:
    return filled_counter(hub, publisher)


def package(hub, counter: Counter, case: int) -> dict[str, bytes]:
    made = archive_case(hub, case, principal=counter.principal, request_id="a" * 32)
    with zipfile.ZipFile(io.BytesIO(made)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def case_no(hub, case_id: int) -> str:
    with hub.engine.connect() as connection:
        return connection.scalar(sa.select(case_table.c.case_no).where(case_table.c.case_id == case_id))


def test_archive_of_a_closed_case_is_whole_signed_and_verifies_file_by_file(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    told = [counter.decide(case).told for _ in range(2)]
    with pytest.raises(CaseNotOpen):
        package(hub, counter, case)
    counter.close(case)
    with pytest.raises(NotProvable):
        package(hub, counter, case)
    attend(hub)
    files = package(hub, counter, case)
    claims = jose.read_own(files["index.jws"].decode(), TYPE, hub.security.keys("status"))
    assert claims["sha256"] == hashlib.sha256(files["index.json"]).hexdigest()
    index = json.loads(files["index.json"])
    assert index["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if not name.startswith("index.")}
    assert index["parties"][0]["number"] == credit_code(1) and index["erased"] == []
    assert json.loads(files["decisions.json"]) == told
    tokens = [name for name in files if name.endswith(".jws") and name.startswith("receipts/")]
    assert len(tokens) == 8
    for name in tokens:
        _, leaf = receipt.read(files[name].decode(), hub.security.keys("status"))
        proof = proofs.parse(files[name.replace(".jws", ".tlog-proof")].decode())
        proofs.verify(proof, leaf_hash(leaf), hub.origin, hub.security.checkpoint_keys(hub.origin))
    trust = bundles.trust_of(manifest.verify(newest(hub), hub.origin, hub.roots, hub.now()))
    evidence = [bundles.read(data) for name, data in files.items() if name.startswith("evidence/")]
    assert len(evidence) == 2
    for one in evidence:
        assert bundles.verify_bundle(one, trust, hub.now()).good
        assert "KZ_法定代表人" not in {field.name for field in one.shown}
    audit = json.loads(files["audit.json"])
    assert [one["code"] for one in audit][0] == "OPENED" and "CLOSED" in {one["code"] for one in audit}
    assert shanghai_date(hub.now()).isoformat() in audit[0]["at"]


def test_archive_names_an_erased_license_and_keeps_its_receipt(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    counter.decide(case)
    counter.close(case)
    identifier = identifier_of(hub, credit_code(1))
    erase_license(hub, identifier, Ground("test", "1", ORGAN), "officer")
    files = package(hub, counter, case)
    assert json.loads(files["index.json"])["erased"] == [identifier]
    assert sum(name.endswith(".jws") for name in files) == 5


def test_archive_has_what_others_did_on_the_case_and_what_is_about_nobody_and_nothing_of_another_case(hub, counter):
    market, holder, other = Counter(hub), credit_code(1), Counter(hub)
    market.principal = counter.acting_for("province_market")
    case = counter.open(TEST.id, applicant=credit_code(3))
    asked = by_material(counter.decide(case))["permit"]["evidence"]["task"]
    list_tasks(hub, principal=market.principal, request_id="q" * 32)
    answer_task(hub, asked, Said("CONFIRMED", "登记在册"), principal=market.principal, request_id="q" * 32, once=market.once())
    refuse(hub, [Refusal("f" * 32, "prefill", "CASE_NOT_OPEN", actor=counter.principal.client_id, case_no=case_no(hub, case))])
    # Another platform's case of the same number and about the same company, and a case of this one about another.
    twin = other.open(TEST.id, applicant=credit_code(3))
    with hub.engine.begin() as connection:
        connection.execute(sa.update(case_table).where(case_table.c.case_id == twin).values(case_no=case_no(hub, case)))
    other.decide(twin)
    counter.decide(counter.open(TEST.id, applicant=holder))
    counter.close(case)
    attend(hub)
    entries = json.loads(package(hub, counter, case)["audit.json"])
    found = {(one["actor"], one["action"], one["code"]) for one in entries}
    me, body = counter.principal.client_id, market.principal.client_id
    assert {(body, "check", "SHOWN"), (body, "check", "CONFIRMED"), (me, "prefill", "CASE_NOT_OPEN"), (me, "case", "OPENED")} <= found
    assert {one["actor"] for one in entries} == {me, body} and {one["case_no"] for one in entries} == {case_no(hub, case)}


def test_archive_has_the_holder_s_word_given_and_withdrawn(hub, counter):
    case = counter.open(TEST.id, applicant=credit_code(1))
    asked = Wanted(case, "applicant", "real_estate_title", "窗口07")
    name = ask(hub, asked, counter.principal, "q" * 32)["id"]
    answer(hub, credit_code(1), name, yes=True)
    withdraw(hub, credit_code(1), name)
    counter.close(case)
    found = [(one["actor"], one["code"]) for one in json.loads(package(hub, counter, case)["audit.json"])]
    assert [code for actor, code in found if actor == "holder"] == ["GIVEN", "WITHDRAWN"]
