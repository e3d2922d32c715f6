"""One row an approval system sends (同步签发): landed, checked and published as an increment of one. Public: the hub's intake calls it.

Safe to run again under the same batch id: what is done is found, what is half done is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from quality.engine import check
from quality.reconcile import PUSHED_ORIGIN
from quality.records import HeadMoved as HeadMoved
from quality.report import BatchReport


def new_batch(resource: Resource, now: datetime) -> str:
    """The name its batch will have, so that the sender's intent can be recorded before anything happens."""
    from connectors import landing

    return landing.new_batch(resource, now)


def publish_row(
    resource: Resource,
    values: Mapping[str, str | None],
    catalog: Catalog,
    *,
    lake: Lake | Path,
    database: sa.Engine,
    batch: str,
    sender: str,
    now: datetime,
) -> BatchReport:
    """The check's report: published, or `gate` stopped where rules refuse the row. `values` by source header. Raises EgovError,
    and HeadMoved where others kept being published meanwhile: the same again succeeds."""
    from connectors.push import land_row

    source = PUSHED_ORIGIN + sender
    landed = land_row(resource, values, lake, source=source, now=now, batch=batch)
    return check(landed, catalog, lake=lake, database=database, now=now, operator=source)
