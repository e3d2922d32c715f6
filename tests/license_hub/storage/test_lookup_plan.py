"""Look-ups of any number of values are one statement to PostgreSQL, so that it is prepared and planned once."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from license_hub.storage.budgets import spent
from license_hub.storage.lookup import find
from license_hub.storage.upgrade import upgrade
from tests.support import postgres


def test_find_of_other_counts_of_values_sends_the_same_text(postgres_server):
    with postgres.database(postgres_server) as url:
        engine = sa.create_engine(url)
        upgrade(engine)
        sent = []
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: sent.append(statement))
        with engine.connect() as connection:
            for count in (1, 2, 5, 0):
                find(connection, {f"1.2.{one}" for one in range(count)}, {bytes([one]) * 32 for one in range(count + 1)})
        engine.dispose()
    assert len(sent) == 4 and len(set(sent)) == 1


def test_budgets_of_other_counts_of_values_are_the_same_text_too(migrated_postgres_url):
    engine, sent = sa.create_engine(migrated_postgres_url), []
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: sent.append(statement))
    with engine.connect() as connection:
        for count in (1, 2, 5):
            clients, subjects = {f"client {one}" for one in range(count)}, {bytes([one]) * 32 for one in range(count)}
            spent(connection, {(f"misses:{one}", 60) for one in range(count)}, clients, subjects, "2026-11-21")
    engine.dispose()
    assert len(sent) == 3 and len(set(sent)) == 1


MANY_LOOKS = """
    INSERT INTO hub_audit (at, request_id, actor, action, subject_bi, status, code)
    SELECT '2026-11-21T08:00:00Z', '', 'client', 'verify', sha256(n::text::bytea), 'VALID', 'IN_FORCE' FROM generate_series(1, 20000) AS n
"""


def test_looks_at_few_holders_are_found_by_who_they_are_where_all_looks_are_of_today_and_no_statistics_are(migrated_postgres_url):
    engine, sent = sa.create_engine(migrated_postgres_url), []
    with engine.connect() as connection:
        connection.execute(sa.text(MANY_LOOKS))
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, *given: sent.append(given[:2]))
        subjects = {hashlib.sha256(str(one).encode()).digest() for one in range(1, 41)}
        found = spent(connection, (), {"client"}, subjects, "2026-11-21T00:00:00Z").looks
        [(statement, given)] = sent
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars())
    engine.dispose()
    assert found == {("client", one): 1 for one in subjects}
    assert "ix_hub_audit_subject_bi_at" in plan and "ix_hub_audit_at" not in plan and "Seq Scan" not in plan, plan


MANY_LICENSES = """
    INSERT INTO hub_license (license_id, type_id, resource, key_bi, issuer_code, serial)
    SELECT n, 'business_license', 'legal_entity', sha256(n::text::bytea), 'organ', n::text FROM generate_series(1, 20000) AS n;
    INSERT INTO hub_version (entry, license_id, version, identifier, type_id, number_bi, payload, secret, leaf_id, publication,
                             attestation_id, attestation_index, source_status, grade, holder_verified, as_of, recorded_at)
    SELECT n, n, '001', '1.2.' || n, 'business_license', sha256(n::text::bytea), '', '', n::text, 1,
           '', n, 'IN_FORCE', 'A', true, '2026-11-21T08:00:00Z', '2026-11-21T08:00:00Z' FROM generate_series(1, 20000) AS n;
"""


def test_many_numbers_are_found_by_their_index_where_a_bulk_load_has_left_no_statistics(migrated_postgres_url):
    engine, sent = sa.create_engine(migrated_postgres_url), []
    with engine.connect() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        for statement in MANY_LICENSES.split(";\n")[:-1]:
            connection.execute(sa.text(statement))
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, *given: sent.append(given[:2]))
        find(connection, {f"1.2.{one}" for one in range(1, 300)}, {hashlib.sha256(str(one).encode()).digest() for one in range(300, 600)})
        plans = ["\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars()) for statement, given in sent[:2]]
    engine.dispose()
    for plan in plans:
        assert "Seq Scan on hub_version" not in plan and "Seq Scan on hub_license" not in plan, plan
