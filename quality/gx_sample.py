"""Some cleaned rows of a landed batch, for whoever runs a suite the plain Great Expectations way. Imports no GX.

Made by the same scan as a check's, so plain GX sees what the rules saw. Rows that the engine judges by few rules (malformed ones and
deletions) are left out: plain GX would judge them by all. The rows hold personal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow as pa

from catalogs.model import Catalog
from connectors.lake import Lake
from connectors.landing import LandedBatch
from quality.check.rows import Context
from quality.engine import open_rows
from quality.partition import determine
from quality.rulebook import rulebook
from quality.scan import stage
from quality.session import session
from quality.sql import compose, literal

SHANGHAI = ZoneInfo("Asia/Shanghai")
_SAMPLED = """SELECT stage.* EXCLUDE (_failed, _undefined), stage._source || ':' || stage._line AS _origin, NULL::VARCHAR AS _raw
    FROM stage JOIN (SELECT landed.file_row_number AS _row FROM {landed} AS landed WHERE landed._raw IS NULL) AS whole USING (_row)
    WHERE stage._op IS DISTINCT FROM 'D'
    USING SAMPLE reservoir({rows} ROWS) REPEATABLE ({seed})"""


@dataclass(frozen=True)
class Sample:
    """Rows for `gx_frame.cleaned_frame`, and what `gx.parameters_of` needs of their batch."""

    rows: pa.Table
    """Cleaned fields, `<field>__src`, `_origin` (`file:line`), `_raw` (always NULL)."""
    as_of: datetime
    partition: str | None


def sample(batch: LandedBatch, catalog: Catalog, lake: Lake, rows: int, seed: int = 1) -> Sample:
    """At most `rows` rows of the batch, drawn at random."""
    resource = catalog.resources[batch.resource]
    as_of = datetime.fromisoformat(batch.manifest.as_of)
    landed = open_rows(batch, lake)
    with session(lake, catalog) as connection:
        partition = determine(connection, landed, resource, batch.manifest.partition) or None
        stage(connection, landed, rulebook(resource, catalog), Context(resource, catalog, as_of.astimezone(SHANGHAI).date(), partition))
        asked = compose(_SAMPLED, landed=landed.table, rows=literal(rows), seed=literal(seed))
        return Sample(connection.sql(asked.text).to_arrow_table(), as_of, partition)
