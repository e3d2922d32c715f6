"""Look-ups of any number of values are one statement to PostgreSQL, so that it is prepared and planned once."""

from __future__ import annotations

import sqlalchemy as sa

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
