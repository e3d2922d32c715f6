"""Brings the database to the newest schema. Safe when several processes start at once: the first one does the work under a lock."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from license_hub.storage.engine import is_postgres, writing

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6D7A74_01
"""Advisory lock number of hub migrations on PostgreSQL."""


def upgrade(engine: sa.Engine) -> None:
    """Runs the migrations that are missing, all in one transaction."""
    with writing(engine) as connection:
        if is_postgres(connection):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
