"""Alembic's environment: `store.upgrade` hands it an open connection; there is no offline mode."""

from __future__ import annotations

from alembic import context

from quality.store import tables_changes, tables_samples, tables_tickets, tables_totals  # noqa: F401  (part of the metadata)
from quality.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="quality_alembic",
    include_name=lambda name, kind, _parents: kind != "table" or str(name).startswith("quality_"),
)
with context.begin_transaction():
    context.run_migrations()
