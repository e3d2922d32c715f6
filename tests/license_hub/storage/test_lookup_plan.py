"""Look-ups of any number of values are one statement to PostgreSQL, so that it is prepared and planned once."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from license_hub.storage.budgets import looks_since, standing
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
            standing(connection, {(f"misses:{one}", 60) for one in range(count)})
            looks_since(connection, {f"client {one}" for one in range(count)}, {bytes([one]) * 32 for one in range(count)}, "2026-11-21")
    engine.dispose()
    assert len(sent) == 6 and len(set(sent)) == 2


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
        found = looks_since(connection, {"client"}, subjects, "2026-11-21T00:00:00Z")
        [(statement, given)] = sent
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars())
    engine.dispose()
    assert found == {("client", one): 1 for one in subjects}
    assert "ix_hub_audit_subject_bi_at" in plan and "ix_hub_audit_at" not in plan and "Seq Scan" not in plan, plan
