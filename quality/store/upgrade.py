"""Brings the `quality_*` tables to the newest schema. Cheap when they are there, safe when several processes or threads start at once.

Alembic is imported only where a migration has to run: it costs a second, and every process of the hub passes through here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from threading import Lock
from weakref import WeakSet

import sqlalchemy as sa

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6D7A74_02
"""Advisory lock number of quality's migrations on PostgreSQL."""
_ONE_THREAD = Lock()
"""Alembic keeps its environment in globals."""
_SEEN: WeakSet[sa.Engine] = WeakSet()
"""Engines whose tables this process saw to be newest: every check of a batch asks, and a process has one code."""
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_BELOW = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)
_VERSION = sa.table("quality_alembic", sa.column("version_num"))


def upgrade(engine: sa.Engine) -> None:
    """Runs the migrations that are missing, in one transaction."""
    if engine in _SEEN:
        return
    with _ONE_THREAD:
        if not _is_newest(engine):
            _migrate(engine)
        _SEEN.add(engine)


def _is_newest(engine: sa.Engine) -> bool:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return False
        return connection.scalar(sa.select(_VERSION.c.version_num)) == _newest()


def _migrate(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        else:
            # A write first: the other process waits here instead of failing half-way.
            connection.execute(sa.text("CREATE TABLE IF NOT EXISTS quality_alembic (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@cache
def _newest() -> str:
    """The revision no other one builds on, read from the files; a test holds alembic to it."""
    texts = [one.read_text("utf-8") for one in (MIGRATIONS / "versions").glob("[0-9]*_*.py")]
    named, below = ({found for text in texts for found in form.findall(text)} for form in (_REVISION, _BELOW))
    [head] = named - below
    return head
