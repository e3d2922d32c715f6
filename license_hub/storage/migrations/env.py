"""Alembic's environment: `storage.upgrade` hands it an open connection; there is no offline mode."""

from __future__ import annotations

from alembic import context

from license_hub.storage import (  # noqa: F401 (their tables join the metadata)
    tables_at_rest,
    tables_audit_log,
    tables_cases,
    tables_desk,
    tables_grants,
    tables_held,
    tables_keys,
    tables_lifecycle,
    tables_presentations,
    tables_recall,
    tables_recovery,
    tables_staff,
    tables_status,
)
from license_hub.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="hub_alembic",
    include_name=lambda name, kind, _parents: kind != "table" or str(name).startswith("hub_"),
)
with context.begin_transaction():
    context.run_migrations()
