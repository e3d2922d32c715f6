"""Brings the database to the newest schema. Safe when several processes start at once: the first one does the work under a lock.

Alembic is imported only where a migration has to run: it costs a second, and every command of the hub passes through here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from license_hub.storage.engine import is_postgres, reading, writing

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6D7A74_01
"""Advisory lock number of hub migrations on PostgreSQL."""
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_BELOW = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)
_VERSION = sa.table("hub_alembic", sa.column("version_num"))


def upgrade(engine: sa.Engine) -> None:
    """Runs the migrations that are missing, all in one transaction."""
    if _is_newest(engine):
        return
    with writing(engine) as connection:
        if is_postgres(connection):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        _migrate(connection)


def _is_newest(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return False
        return connection.scalar(sa.select(_VERSION.c.version_num)) == newest()


@cache
def newest() -> str:
    """The revision no other one builds on, read from the files; a test holds alembic to it."""
    texts = [one.read_text("utf-8") for one in (MIGRATIONS / "versions").glob("[0-9]*_*.py")]
    named, below = ({found for text in texts for found in form.findall(text)} for form in (_REVISION, _BELOW))
    [head] = named - below
    return head


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
