from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from license_hub.domain.identifier import mint
from license_hub.service import intake
from license_hub.service.evidence import EvidenceCache
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.list_audit import list_audit
from license_hub.service.prove import prove
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage import tables
from license_hub.storage.engine import reading
from license_hub.storage.tables_grants import budget
from quality import publications

from .intruder import deleted, tampered
from .publishing import Publisher, credit_code, entity, permit, registered


@pytest.fixture
def issued(hub: Hub, publisher: Publisher) -> Hub:
    publisher.publish("legal_entity", [entity(i) for i in range(4)])
    publisher.publish("food_permit", [permit(1), permit(2, valid_to=permit(2)["issued_on"])])
    apply_pending(hub)
    return hub


def by_number(n: int, **more: object) -> VerifyRequest:
    code = credit_code(n)
    return VerifyRequest(**{"type_id": "business_license", "number": code, "holder_number": code, **more})


def code(hub: Hub, request: VerifyRequest) -> str:
    return verify(hub, [request])[0].verdict.code.value


def identifier(hub: Hub, entry: int = 0) -> str:
    with reading(hub.engine) as connection:
        return connection.execute(sa.select(tables.version.c.identifier).where(tables.version.c.entry == entry)).scalar_one()


def test_batch_answers_every_request_in_order(issued):
    requests = [VerifyRequest(identifier=identifier(issued)), by_number(2), by_number(3), VerifyRequest(identifier="1.2.3")]
    answers = verify(issued, requests)
    assert [one.verdict.code for one in answers] == ["IN_FORCE", "IN_FORCE", "IN_FORCE", "IDENTIFIER_MALFORMED"]
    assert verify(issued, []) == []


def test_identifier_in_other_spelling_is_found(issued):
    assert code(issued, VerifyRequest(identifier=f" {identifier(issued).lower()}　")) == "IN_FORCE"


def test_identifier_with_wrong_check_character_is_malformed(issued):
    text = identifier(issued)
    assert code(issued, VerifyRequest(identifier=text[:-1] + ("0" if text[-1] != "0" else "1"))) == "IDENTIFIER_MALFORMED"


def test_certificate_number_without_the_holders_is_refused_before_any_look_up(issued):
    with pytest.raises(ValueError, match="holder number"):
        verify(issued, [VerifyRequest(type_id="business_license", number=credit_code(1))])
    assert list_audit(issued) == []


def test_certificate_number_with_another_holder_finds_nothing(issued):
    right = VerifyRequest(type_id="food_permit", number=permit(1)["permit_no"], holder_number=credit_code(1))
    assert code(issued, right) == "IN_FORCE"
    assert code(issued, replace(right, holder_number=credit_code(2))) == "NOT_FOUND"


def test_identifier_of_a_collected_license_needs_the_holder(issued):
    kind = issued.catalog.license_types["business_license"]
    object.__setattr__(kind, "origin", "collected")
    try:
        text = identifier(issued)
        parts = text.split(".")
        unknown = mint(parts[5], parts[6], "0" * 25, 1)
        for holder in (None, credit_code(99)):
            # Not the holder: answered exactly as if there were no such license.
            answer = code(issued, VerifyRequest(identifier=text, holder_number=holder))
            assert answer in ("NOT_FOUND", "SOURCE_LATE")
            assert answer == code(issued, VerifyRequest(identifier=unknown, holder_number=holder))
        holders = [credit_code(i) for i in range(4)]
        assert "IN_FORCE" in [code(issued, VerifyRequest(identifier=text, holder_number=one)) for one in holders]
    finally:
        object.__setattr__(kind, "origin", "made_for_issuer")


def test_claims_that_differ_are_named_and_never_shown(issued):
    claims = {"名称": "样例1号有限公司", "住所": "别处", "持证主体": "别人", "KZ_经营范围": "样例业务", "CZZTDM": credit_code(1)}
    answer = verify(issued, [by_number(1, claims=claims)])[0]
    assert answer.verdict.code == "CONTENT_MISMATCH"
    assert answer.mismatched == ("住所", "持证主体")
    assert "样例市样例路1号" not in repr(answer)


def test_claims_in_other_width_case_and_date_form_agree(issued):
    claims = {"住所": " 样例市样例路１号", "统一社会信用代码": credit_code(1).lower(), "核准日期": "2021年3月4日"}
    assert code(issued, by_number(1, claims=claims)) == "IN_FORCE"


def test_claim_of_a_field_the_license_does_not_have_differs(issued):
    assert verify(issued, [by_number(1, claims={"没有这一项": "x"})])[0].mismatched == ("没有这一项",)


def test_holder_number_that_differs_from_the_identifiers_license_is_a_mismatch(issued):
    answer = verify(issued, [VerifyRequest(identifier=identifier(issued), holder_number=credit_code(77))])[0]
    assert (answer.verdict.code, answer.mismatched) == ("CONTENT_MISMATCH", ("CZZTDM",))


def test_expiry_is_computed_on_the_day_in_shanghai(issued, clock):
    assert code(issued, VerifyRequest(type_id="food_permit", number=permit(2)["permit_no"], holder_number=credit_code(2))) == "EXPIRED"
    right = VerifyRequest(type_id="food_permit", number=permit(1)["permit_no"], holder_number=credit_code(1))
    clock.now = clock.now.replace(year=2029, month=1, day=1, hour=15, minute=59, second=59)
    assert code(issued, right) == "IN_FORCE"
    clock.pass_(seconds=1)
    assert code(issued, right) == "EXPIRED"


def test_verify_only_type_says_so(issued):
    assert code(issued, by_number(1, type_id="resident_id_card")) == "VERIFY_ONLY"


@pytest.mark.parametrize("type_id", ["driving_license", "no_such_type"])
def test_type_without_data_is_not_covered(issued, type_id):
    assert code(issued, by_number(1, type_id=type_id)) == "NOT_COVERED"


def test_number_of_another_province_is_not_covered(issued):
    elsewhere = credit_code(1, "91", "330102")
    assert code(issued, by_number(1, number=elsewhere, holder_number=elsewhere)) == "NOT_COVERED"


def test_unknown_number_is_not_found_while_the_source_is_fresh_and_late_after(issued, clock):
    assert code(issued, by_number(50)) == "NOT_FOUND"
    clock.pass_(hours=25)
    answer = verify(issued, [by_number(50)])[0]
    assert answer.verdict.code == "SOURCE_LATE" and answer.as_of is not None


def test_source_never_published_is_late(issued):
    number = registered(1)["credit_code"]
    assert code(issued, by_number(1, number=number, holder_number=number)) == "SOURCE_LATE"


def test_held_row_is_told_to_who_knows_both_numbers(issued, publisher):
    publisher.publish("food_permit", [permit(1), permit(9)])
    apply_pending(issued)
    request = VerifyRequest(type_id="food_permit", number=permit(9)["permit_no"], holder_number=credit_code(9))
    assert code(issued, request) == "HELD"
    assert code(issued, replace(request, holder_number=credit_code(8))) == "NOT_FOUND"


def test_row_in_quarantine_is_told_to_who_knows_both_numbers(issued):
    with reading(issued.engine) as connection:
        batch = publications.heads(connection, "food_permit")[0].batch
    path = issued.lake / "quarantine" / "food_permit" / batch / "rows.parquet"
    path.parent.mkdir(parents=True)
    values = json.dumps({"许可证编号": "ＪＹ123", "统一社会信用代码": credit_code(30).lower()})
    with issued.lake.create(path) as file:
        pq.write_table(pa.table({"origin": ["x:2"], "key": ["JY123"], "failed_rules": [["r"]], "values": [values]}), file)
    request = VerifyRequest(type_id="food_permit", number="JY123", holder_number=credit_code(30))
    assert code(issued, request) == "IN_QUARANTINE"
    assert code(issued, replace(request, holder_number=credit_code(31))) == "NOT_FOUND"


def test_version_not_yet_under_a_checkpoint_counts_online_for_a_while_and_is_flagged(issued, publisher, clock, monkeypatch):
    publisher.publish("legal_entity", [*(entity(i) for i in range(4)), entity(8)])
    monkeypatch.setattr(intake, "integrate", lambda hub: None)
    apply_pending(issued)
    [pending], [old] = verify(issued, [by_number(8)]), verify(issued, [by_number(1)])
    assert (pending.verdict.code.value, pending.log) == ("IN_FORCE", "pending")
    assert (old.verdict.code.value, old.log) == ("IN_FORCE", "unwitnessed")
    assert prove(issued, bytes.fromhex(pending.verdict.evidence["leaf_hash"])) is None, "nothing to show offline yet"
    clock.pass_(seconds=901)
    assert code(issued, by_number(8)) == "PROOF_PENDING"
    integrate(issued)
    [done] = verify(issued, [by_number(8)])
    assert (done.verdict.code.value, done.log) == ("IN_FORCE", "unwitnessed")
    assert prove(issued, bytes.fromhex(done.verdict.evidence["leaf_hash"]))


def test_t35_pending_version_without_its_leaf_row_is_not_believed(issued, publisher, monkeypatch):
    publisher.publish("legal_entity", [*(entity(i) for i in range(4)), entity(8)])
    monkeypatch.setattr(intake, "integrate", lambda hub: None)
    apply_pending(issued)
    with reading(issued.engine) as connection:
        newest = connection.execute(sa.select(sa.func.max(tables.leaf.c.entry))).scalar_one()
    with deleted(issued, tables.leaf, {"entry": newest}):
        assert code(issued, by_number(8)) == "PROOF_BAD"
    with tampered(issued, tables.leaf, {"leaf_hash": bytes(32)}, {"entry": newest}):
        assert code(issued, by_number(8)) == "PROOF_BAD"
    assert code(issued, by_number(8)) == "IN_FORCE"


def test_license_in_two_resources_answers_by_the_one_with_a_status(hub, publisher):
    both = credit_code(5, "91", "450103")
    publisher.publish("enterprise_registry", [registered(5)], partition="450000")
    publisher.publish("legal_entity", [entity(5, credit_code=both)])
    apply_pending(hub)
    assert code(hub, by_number(5, number=both, holder_number=both)) == "IN_FORCE"


def test_every_answer_is_audited_without_numbers(issued):
    verify(issued, [by_number(1, actor="client-1", purpose="设立登记", case_no="C-1", request_id="r1"), by_number(60)])
    first, second = list_audit(issued)
    assert (first.actor, first.action, first.code, first.purpose, first.case_no, first.request_id) == (
        "client-1", "verify", "IN_FORCE", "设立登记", "C-1", "r1",
    )  # fmt: skip
    assert first.entry is not None and second.entry is None and second.code == "NOT_FOUND"
    assert credit_code(1) not in repr((first, second))
    assert [one.request_id for one in list_audit(issued, holder_number=credit_code(1))] == ["r1"]


def test_no_audit_no_answer(issued):
    with issued.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE hub_audit RENAME TO hub_audit_away"))
    with pytest.raises(sa.exc.DBAPIError if issued.engine.dialect.name == "sqlite" else Exception, match="hub_audit"):
        verify(issued, [by_number(1)])


def test_miss_that_is_not_recorded_uses_nothing_up(issued):
    # The leaves' table alone, so that it fails after the counters are raised.
    with issued.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE hub_audit_leaf RENAME TO hub_audit_leaf_away"))
    with pytest.raises(sa.exc.DBAPIError):
        verify(issued, [by_number(60, payer="client-1")])
    with issued.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE hub_audit_leaf_away RENAME TO hub_audit_leaf"))
        assert connection.execute(sa.select(budget)).all() == []
    assert code(issued, by_number(60, payer="client-1")) == "NOT_FOUND"
    with issued.engine.connect() as connection:
        assert [(row.of, row.used) for row in connection.execute(sa.select(budget))] == [("misses:client-1", 1)]


def test_batch_of_any_size_is_four_statements_to_the_database(issued):
    verify(issued, [by_number(1)])
    sent = []
    sa.event.listen(issued.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: sent.append(statement))
    for count in (1, 30):
        sent.clear()
        verify(issued, [by_number(one % 4, payer="client-1") for one in range(count)])
        expected = 4 if issued.engine.dialect.name == "postgresql" else 7
        assert len(sent) == expected, sent


REWRITTEN = [
    (tables.version, "payload", b"\x01" + bytes(60)),
    (tables.version, "secret", b"\x01" + bytes(60)),
    (tables.version, "source_status", "SUSPENDED"),
    (tables.version, "grade", "A"),
    (tables.version, "holder_verified", False),
    (tables.version, "as_of", "2030-01-01T00:00:00Z"),
    (tables.version, "recorded_at", "2020-01-01T00:00:00Z"),
    (tables.version, "leaf_id", "0" * 32),
    (tables.attestation, "signature", bytes(64)),
    (tables.attestation, "statement", b"{}"),
    (tables.attestation_tile, "data", bytes(96)),
]


def test_rewritten_row_is_proof_bad(issued):
    for table, column, value in REWRITTEN:
        with tampered(issued, table, {column: value}):
            fresh = replace(issued, evidence=EvidenceCache())
            answer = verify(fresh, [by_number(1, claims={"住所": "别处"})])[0]
        assert (answer.verdict.code, answer.mismatched) == ("PROOF_BAD", ()), column
    assert code(issued, by_number(1)) == "IN_FORCE"


def test_status_event_rewritten_to_in_force_is_proof_bad(issued, publisher):
    publisher.publish("legal_entity", [entity(1, status="3")])
    apply_pending(issued)
    assert code(issued, by_number(1)) == "REVOKED"
    with tampered(issued, tables.status, {"state": "IN_FORCE"}):
        assert code(issued, by_number(1)) == "PROOF_BAD"


def test_checkpoint_signed_by_another_key_proves_nothing(issued):
    with reading(issued.engine) as connection:
        note = connection.execute(sa.select(sa.func.max(tables.checkpoint.c.note))).scalar_one()
    forged = note.replace(note.split("\n")[2], "A" * 43 + "=")
    with issued.engine.begin() as connection:
        connection.execute(sa.update(tables.checkpoint).values(note=forged))
    assert code(issued, by_number(1)) == "PROOF_BAD"
