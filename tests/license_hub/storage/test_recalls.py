"""What a recall notes is never looked for by scanning what it has noted: by its statistics that is an empty table."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.storage import recalls
from license_hub.storage.engine import open_engine


def test_uses_that_are_noted_are_left_to_the_primary_key(migrated_postgres_url):
    engine, sent = open_engine(migrated_postgres_url), []
    with engine.connect() as connection:
        connection.execute(sa.text("ANALYZE"))
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _cursor, *given: sent.append(given[:2]))
        recalls.add_uses(connection, "a recall")
        recalls.add_issued_by(connection, "a recall", "an organ", ())
        plans = ["\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", given).scalars()) for statement, given in sent[:2]]
    engine.dispose()
    for plan, table in zip(plans, ("hub_recall_use", "hub_recall_item"), strict=True):
        head, _, rest = plan.partition("->")
        assert f"Insert on {table}" in head and "Conflict Resolution: NOTHING" in head and f"on {table}" not in rest, plan
