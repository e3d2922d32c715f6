"""Recalls find exactly what relied on a bad source, tell each client once, and change no license."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from license_hub.errors import RecallRefused
from license_hub.service.as_of import Moment, as_of
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.list_audit import Entry, record
from license_hub.service.list_notices import acknowledge, answers, recalled, recalls, waiting
from license_hub.service.recall import NOTICE_TYPE, Kind, Source, recall
from license_hub.service.register_client import register
from license_hub.service.verify import VerifyRequest, verify
from license_hub.signing import jose
from license_hub.storage import bulk, tables
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_recall import notice
from quality.store.tables import outcome
from quality.store.tables import publication as publications_table
from tests.license_hub.caller import Key

from .conftest import Options
from .publishing import ORGAN, OTHER_ORGAN, Publisher, credit_code, entity

ROOT = Path(__file__).resolve().parents[3]
WHY = "样例：数源通报本批数据有误"


def by_number(n: int, actor: str) -> VerifyRequest:
    code = credit_code(n)
    return VerifyRequest(
        type_id="business_license", number=code, holder_number=code, actor=actor, request_id=f"request-{n}", case_no=f"case-{n}"
    )


@pytest.fixture
def relied(hub: Hub, publisher: Publisher) -> tuple[Hub, list[str]]:
    """Two publications of five licenses; a counter asked for all, an office for two of the second, a third client for none of them."""
    publisher.publish("legal_entity", [entity(n) for n in range(5)])
    publisher.publish("legal_entity", [entity(n) for n in range(10)])
    apply_pending(hub)
    clients = [register(hub, f"client {n}", Key().jwk, ["license:verify"], ["business_license"]).client_id for n in range(3)]
    counter, office, other = clients
    verify(hub, [by_number(n, counter) for n in range(10)])
    verify(hub, [by_number(n, office) for n in (5, 5, 6)])
    verify(hub, [by_number(n, other) for n in (0, 1, 77)])
    verify(hub, [by_number(n, "public") for n in (0, 9)])
    return hub, clients


SECOND = Source(Kind.PUBLICATION, "legal_entity/2")


def found(made) -> dict[str, tuple[int, int, bool]]:
    return {one.actor: (one.answers, one.licenses, one.client) for one in made.relying}


def states(hub: Hub) -> list[tuple]:
    with reading(hub.engine) as connection:
        return [tuple(row) for row in connection.execute(sa.select(tables.current).order_by(tables.current.c.entry))]


def test_publication_leads_to_exactly_its_licenses_answers_and_clients(relied):
    hub, (counter, office, _) = relied
    made = recall(hub, SECOND, reason=WHY, operator="样例审计")
    assert (made.versions, made.licenses, made.answers, made.notices) == (5, 5, 9, 2)
    assert found(made) == {counter: (5, 5, True), office: (3, 2, True), "public": (1, 1, False)}
    assert made.status_lists == ("http://127.0.0.1:8080/status/0",)
    assert [entry for entry, _ in recalled(hub, made.recall_id)] == [5, 6, 7, 8, 9]
    assert [entry for entry, _ in recalled(hub, made.recall_id, after=6, limit=2)] == [7, 8]


def test_batch_and_organ_lead_to_the_same_licenses(relied):
    hub, _ = relied
    with reading(hub.engine) as connection:
        batch = connection.execute(sa.select(publications_table.c.batch).where(publications_table.c.number == 2)).scalar_one()
        third = connection.execute(sa.select(tables.version.c.identifier).where(tables.version.c.entry == 3)).scalar_one()
    assert recall(hub, Source(Kind.BATCH, batch), reason=WHY, operator="x").versions == 5
    organ = Source(Kind.ORGAN, ORGAN, document_no="样监函〔2026〕1号")
    assert recall(hub, organ, reason=WHY, operator="x").versions == 10
    assert recall(hub, Source(Kind.ORGAN, OTHER_ORGAN, document_no="1"), reason=WHY, operator="x").versions == 0
    one = recall(hub, Source(Kind.ORGAN, ORGAN, document_no="2", identifiers=(third,)), reason=WHY, operator="x")
    assert (one.versions, one.answers) == (1, 1)
    assert recall(hub, Source(Kind.ORGAN, ORGAN, document_no="3", type_id="food_permit"), reason=WHY, operator="x").versions == 0
    assert recall(hub, Source(Kind.ORGAN, ORGAN, document_no="4", until="2026-11-21"), reason=WHY, operator="x").versions == 0
    assert recall(hub, Source(Kind.ORGAN, ORGAN, document_no="5", since="2026-11-21"), reason=WHY, operator="x").versions == 10


def outcome_of(hub: Hub, number: int, rule: str, severity: str) -> None:
    """As quality writes it beside a batch."""
    with writing(hub.engine) as connection:
        batch = connection.execute(sa.select(publications_table.c.batch).where(publications_table.c.number == number)).scalar_one()
        row = {"batch": batch, "rule": rule, "resource": "legal_entity", "indicator": "0101", "severity": severity, "detail": ""}
        connection.execute(sa.insert(outcome), [row | dict.fromkeys(("evaluated", "failed", "undefined", "errored", "skipped"), 0)])


def test_reject_rule_leads_to_whatever_it_let_pass(relied):
    hub, _ = relied
    outcome_of(hub, 2, "legal_entity.name.length", "reject")
    assert recall(hub, Source(Kind.RULE, "legal_entity.name.length"), reason=WHY, operator="x").versions == 5


def test_warn_rule_leads_to_the_rows_it_warned_of(relied, publisher, monkeypatch):
    hub, _ = relied
    rule = "legal_entity.capital.number_range"
    warn_of(monkeypatch, {credit_code(21): [rule], credit_code(22): ["another.rule", rule], credit_code(23): ["another.rule"]})
    publisher.publish("legal_entity", [entity(n) for n in (*range(10), 20, 21, 22, 23)])
    apply_pending(hub)
    outcome_of(hub, 3, rule, "warn")
    made = recall(hub, Source(Kind.RULE, rule), reason=WHY, operator="x")
    assert [entry for entry, _ in recalled(hub, made.recall_id)] == [11, 12]


def warn_of(monkeypatch, marks: dict[str, list[str]]) -> None:
    """The publisher of the tests writes no warnings: put these into the files it writes."""
    write = pq.write_table

    def marked(table, path, **more):
        warnings = pa.array([marks.get(key, []) for key in table["_key"].to_pylist()], pa.list_(pa.string()))
        write(table.set_column(table.column_names.index("_warnings"), "_warnings", warnings), path, **more)

    monkeypatch.setattr(pq, "write_table", marked)


def test_answers_about_a_status_act_count_from_the_act_on(hub, publisher, clock):
    """A batch that revoked a license by mistake: only who asked after it was misled."""
    client = register(hub, "counter", Key().jwk, ["license:verify"], ["business_license"]).client_id
    publisher.publish("legal_entity", [entity(n) for n in range(2)])
    apply_pending(hub)
    verify(hub, [by_number(n, client) for n in (0, 1)])
    clock.pass_(hours=1)
    publisher.publish("legal_entity", [entity(0, status="3"), entity(1)])
    apply_pending(hub)
    assert verify(hub, [by_number(0, client)])[0].verdict.code == "REVOKED"
    made = recall(hub, SECOND, reason=WHY, operator="x")
    assert (made.versions, made.answers) == (1, 1)
    assert [one.code for one in answers(hub, client, waiting(hub, client)[0].notice_id)] == ["REVOKED"]


def test_recall_changes_no_license_and_no_answer(relied):
    hub, (counter, *_) = relied
    before = states(hub)
    recall(hub, SECOND, reason=WHY, operator="x")
    assert states(hub) == before
    assert verify(hub, [by_number(7, counter)])[0].verdict.code == "IN_FORCE"


def test_notice_is_signed_and_says_what_and_how_much_but_names_nobody(relied):
    hub, (counter, office, other) = relied
    made = recall(hub, SECOND, reason=WHY, operator="样例审计")
    assert waiting(hub, other) == []
    [one] = waiting(hub, office)
    claims = jose.read_own(one.token, NOTICE_TYPE, hub.keyring.public_keys("status"))
    assert (claims["iss"], claims["sub"], claims["jti"]) == (hub.public_url, office, one.notice_id)
    assert claims["recall"] == {"id": made.recall_id, "kind": "publication", "source": "legal_entity/2", "reason": WHY}
    assert claims["answers"] == {"count": 3, "licenses": 2, "first_at": "2026-11-21T08:00:00Z", "last_at": "2026-11-21T08:00:00Z"}
    assert credit_code(5) not in str(claims) and "样例审计" not in str(claims)


def test_client_reads_its_own_answers_page_by_page_and_nobody_elses(relied):
    hub, (counter, office, _) = relied
    recall(hub, SECOND, reason=WHY, operator="x")
    [mine], [theirs] = waiting(hub, counter), waiting(hub, office)
    listed = answers(hub, counter, mine.notice_id)
    assert [one.case_no for one in listed] == [f"case-{n}" for n in range(5, 10)]
    assert all(one.identifier.startswith("1.2.156.3005.2.") and one.code == "IN_FORCE" for one in listed)
    assert answers(hub, counter, mine.notice_id, after=listed[1].seq, limit=2) == listed[2:4]
    assert answers(hub, counter, theirs.notice_id) is None and acknowledge(hub, counter, theirs.notice_id) is None


def test_acknowledged_notice_waits_no_more_and_keeps_its_first_time(relied, clock):
    hub, (counter, *_) = relied
    recall(hub, SECOND, reason=WHY, operator="x")
    [one] = waiting(hub, counter)
    first = acknowledge(hub, counter, one.notice_id)
    clock.pass_(hours=1)
    assert acknowledge(hub, counter, one.notice_id) == first and first.acknowledged_at == "2026-11-21T08:00:00Z"
    assert waiting(hub, counter) == [] and waiting(hub, counter, acknowledged=True) == [first]
    assert [(row["notices"], row["acknowledged"]) for row in recalls(hub)] == [(2, 1)]


def tokens(hub: Hub) -> dict[tuple[str, str], str]:
    with reading(hub.engine) as connection:
        return {(row.recall_id, row.client_id): row.token for row in connection.execute(sa.select(notice))}


def test_recall_run_again_tells_only_who_asked_since(relied, clock):
    hub, (counter, office, other) = relied
    first = recall(hub, SECOND, reason=WHY, operator="x")
    acknowledge(hub, counter, waiting(hub, counter)[0].notice_id)
    before = tokens(hub)
    clock.pass_(hours=1)
    verify(hub, [by_number(9, other), by_number(9, office)])
    again = recall(hub, SECOND, reason="another wording", operator="y")
    assert (again.recall_id, again.answers, again.notices) == (first.recall_id, first.answers + 2, 1)
    assert {key: token for key, token in tokens(hub).items() if key in before} == before
    assert waiting(hub, counter) == [] and len(waiting(hub, office)) == len(waiting(hub, other)) == 1
    assert len(answers(hub, office, waiting(hub, office)[0].notice_id)) == 4
    assert recall(hub, SECOND, reason=WHY, operator="x").notices == 0


def test_answer_about_a_past_moment_relies_on_it_too(relied, clock):
    hub, (_, _, other) = relied
    now = clock()
    clock.pass_(hours=1)
    as_of(hub, [(by_number(9, other), Moment(now, now))])
    made = recall(hub, SECOND, reason=WHY, operator="x")
    assert found(made)[other] == (1, 1, True) and len(waiting(hub, other)) == 1


def test_recall_run_again_finds_what_was_applied_since(hub, publisher):
    publisher.publish("legal_entity", [entity(n) for n in range(5)])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(n) for n in range(10)])
    organ = Source(Kind.ORGAN, ORGAN, document_no="6")
    assert [recall(hub, one, reason=WHY, operator="x").versions for one in (SECOND, organ)] == [0, 5]
    apply_pending(hub)
    assert [recall(hub, one, reason=WHY, operator="x").versions for one in (SECOND, organ)] == [5, 10]


def test_recalls_at_once_give_each_client_one_notice(relied, options, clock, catalog):
    hub, clients = relied
    hubs = [open_hub(options, clock=clock, catalog=catalog) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda one: recall(one, SECOND, reason=WHY, operator="x"), hubs))
    finally:
        for one in hubs:
            one.close()
    assert sum(one.notices for one in made) == 2
    assert {(one.recall_id, one.versions, one.answers) for one in made} == {(made[0].recall_id, 5, 9)}
    assert len(tokens(hub)) == 2 and [len(waiting(hub, one)) for one in clients] == [1, 1, 0]


KILLED = """
import os, signal, sys
from pathlib import Path
from license_hub.service import recall
from license_hub.service.hub import open_hub
from tests.license_hub.service.conftest import Clock, Options
hub = open_hub(Options(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[3] + "-root")), clock=Clock())
step = getattr(recall, sys.argv[4])
def dying(*given, **named):
    step(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(recall, sys.argv[4], dying)
recall.recall(hub, recall.Source(recall.Kind.PUBLICATION, "legal_entity/2"), reason="x", operator="x")
"""


@pytest.mark.parametrize("point", ["_find", "_notify"])
def test_recall_killed_and_run_again_is_as_if_run_once(relied, options, point):
    hub, _ = relied
    command = [sys.executable, "-c", KILLED, options.database_url, str(options.lake), str(options.keys), point]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120).returncode == -9
    assert tokens(hub) == {}
    made = recall(hub, SECOND, reason=WHY, operator="x")
    assert (made.versions, made.answers, made.notices, len(tokens(hub))) == (5, 9, 2, 2)


@pytest.mark.parametrize(
    "source",
    [
        Source(Kind.BATCH, "no-such-batch"),
        Source(Kind.PUBLICATION, "legal_entity/9"),
        Source(Kind.PUBLICATION, "legal_entity"),
        Source(Kind.PUBLICATION, "legal_entity/x"),
        Source(Kind.RULE, "no.such.rule"),
        Source(Kind.ORGAN, ORGAN),
        Source(Kind.ORGAN, ORGAN, document_no="1", identifiers=tuple(map(str, range(10_001)))),
    ],
    ids=lambda one: f"{one.kind} {one.value}",
)
def test_what_is_not_there_or_not_told_precisely_is_refused_and_leaves_nothing(relied, source):
    hub, _ = relied
    with pytest.raises(RecallRefused):
        recall(hub, source, reason=WHY, operator="x")
    with pytest.raises(RecallRefused, match="reason"):
        recall(hub, SECOND, reason=" ", operator="x")
    assert recalls(hub) == [] and tokens(hub) == {}


def test_recall_is_in_the_audit_log(relied):
    hub, _ = relied
    made = recall(hub, SECOND, reason=WHY, operator="样例审计")
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(tables.audit).where(tables.audit.c.action == "recall")).one()
    assert (row.actor, row.request_id, row.code) == ("样例审计", made.recall_id, "RECALLED")


SIZES = [pytest.param(2_000, 6_000, id="2k"), pytest.param(1_000_000, 5_000_000, id="1m", marks=pytest.mark.nightly)]


@pytest.mark.parametrize(("licenses", "looks"), SIZES)
def test_large_recall_is_set_based_and_exact(licenses, looks, postgres_url, tmp_path, clock, catalog, capsys):
    """Rows written as the hub writes them, but for content and signatures, which a recall never reads. The time is recorded."""
    hub = open_hub(Options(postgres_url, tmp_path / "lake", tmp_path / "keys", tmp_path / "keys-root"), clock=clock, catalog=catalog)
    clients = [register(hub, f"client {n}", Key().jwk, ["license:verify"], ["business_license"]).client_id for n in range(50)]
    load(hub, licenses, looks, clients)
    began = time.perf_counter()
    made = recall(hub, SECOND, reason=WHY, operator="x")
    seconds = time.perf_counter() - began
    with capsys.disabled():
        print(f"\nrecall: {made.versions:,} of {licenses:,} licenses, {made.answers:,} of {looks:,} answers in {seconds:.2f} s")
    # Every tenth license is of publication 2; looks go round the licenses, clients round the looks.
    bad = [n for n in range(looks) if n % licenses % 10 == 2]
    assert (made.versions, made.answers) == (licenses // 10, len(bad))
    assert {one.actor for one in made.relying} == {clients[n % 50] for n in bad[:500]}
    assert made.notices == len(made.relying) == len(tokens(hub))
    hub.close()


def load(hub: Hub, licenses: int, looks: int, clients: list[str]) -> None:
    at = "2026-11-21T08:00:00Z"
    publisher = Publisher(hub)
    for number in (1, 2):
        publisher.publish("legal_entity", [entity(number)])
    for start in range(0, licenses, 100_000):
        rows = range(start, min(start + 100_000, licenses))
        with writing(hub.engine) as connection:
            key = [n.to_bytes(32, "big") for n in rows]
            bulk.insert(
                connection,
                tables.license,
                [(n, "business_license", "legal_entity", k, ORGAN, f"{n:025d}") for n, k in zip(rows, key, strict=True)],
            )
            bulk.insert(
                connection,
                tables.version,
                [
                    (n, n, "001", f"1.2.156.3005.2.{n}", "business_license", k, b"", b"", f"{n:032x}", 2 if n % 10 == 2 else 1, "0" * 32, n)
                    + (None, None, "IN_FORCE", "A", True, at, at, None)
                    for n, k in zip(rows, key, strict=True)
                ],
            )
    for start in range(0, looks, 250_000):
        with writing(hub.engine) as connection:
            rows = range(start, min(start + 250_000, looks))
            record(
                connection,
                hub.now(),
                [Entry(f"{n:032x}", clients[n % 50], "verify", n % licenses, None, "VALID", "IN_FORCE") for n in rows],
            )
    with writing(hub.engine) as connection:
        connection.execute(sa.text("ANALYZE"))
