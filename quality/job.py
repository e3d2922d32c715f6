"""One run over one landed batch: everything its steps need to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from catalogs.model import Catalog, Resource
from connectors.lake import Lake
from connectors.push import CONNECTOR as PUSHED
from quality.records import Filed
from quality.report import Stopwatch
from quality.rulebook import Rulebook
from quality.scan import Landed

if TYPE_CHECKING:
    from connectors.landing import LandedBatch

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Job:
    """Everything one run over one batch needs."""

    landed: LandedBatch
    rows: Landed
    resource: Resource
    catalog: Catalog
    book: Rulebook
    lake: Lake
    database: sa.Engine
    now: datetime
    operator: str
    first_operator: str
    accept_rejects: bool
    watch: Stopwatch

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.landed.manifest.as_of)

    @property
    def pushed(self) -> bool:
        return self.landed.manifest.connector == PUSHED

    @property
    def whole(self) -> bool:
        """The delivery is all of its resource or partition."""
        return not self.pushed and self.resource.delivery.mode != "increment"

    def filed(self, partition: str) -> Filed:
        return Filed(
            batch=self.landed.batch, resource=self.resource.id, partition=partition, operator=self.first_operator,
            content_hash=self.landed.manifest.content_hash, catalog_version=self.catalog.version, as_of=self.as_of, now=self.now,
            weights={"version": self.catalog.weights.version, "of": dict(self.catalog.weights.of(self.resource.id))}, pushed=self.pushed,
            indicators=self.catalog.indicators,
        )  # fmt: skip
