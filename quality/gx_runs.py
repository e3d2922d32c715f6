"""Which checked batches are in the Great Expectations store already, and storing those that are not, with their pages.

The outcome table stays the truth; the store under `<lake>/gx` can be thrown away and is made again from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from catalogs.model import Catalog
from quality import changes
from quality.rulebook import rulebook
from quality.store import tables

if TYPE_CHECKING:
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier

FOLDER = "gx"


def store_new(database: sa.Engine, lake: Path, catalog: Catalog, resource_id: str) -> list[str]:
    """Stores every run not stored yet, oldest first; returns their batches. Raises GxMissing.

    Batches checked under another catalogue version are left as they are: their rules are no longer these. Approved changes a batch
    went by are laid over the catalogue for its run.
    """
    stored = lake / FOLDER / "stored"
    stored.mkdir(parents=True, exist_ok=True)
    with database.connect() as connection:
        waiting = [one for one in connection.execute(_checked(resource_id, catalog)) if not (stored / one.batch).exists()]
        outcomes = {one.batch: connection.execute(_outcomes(one.batch)).all() for one in waiting}
        catalogs = {one.batch: changes.went_by(catalog, connection, one.report.get("changes", ())) for one in waiting}
    runs = [_store(lake, catalogs[one.batch], resource_id, one, outcomes[one.batch]) for one in waiting]
    if runs:
        from quality import gx_docs

        gx_docs.build(lake / FOLDER, runs)
    for one in waiting:
        (stored / one.batch).touch()
    return [one.batch for one in waiting]


def _checked(resource_id: str, catalog: Catalog) -> sa.Select:
    judged = tables.batch.c.status != "noop"
    where = (tables.batch.c.resource == resource_id) & (tables.batch.c.catalog_version == catalog.version) & judged
    return sa.select(tables.batch).where(where).order_by(tables.batch.c.checked_at)


def _outcomes(batch: str) -> sa.Select:
    return sa.select(tables.outcome).where(tables.outcome.c.batch == batch)


def _store(lake: Path, catalog: Catalog, resource_id: str, checked: sa.Row, outcomes: list[sa.Row]) -> ValidationResultIdentifier:
    from quality import gx

    resource = catalog.resources[resource_id]
    return gx.store_run(
        lake / FOLDER,
        resource,
        rulebook(resource, catalog).rules,
        outcomes,
        catalog=catalog,
        batch=checked.batch,
        run_at=checked.checked_at,
        as_of=checked.as_of,
        partition=checked.partition or None,
    )
