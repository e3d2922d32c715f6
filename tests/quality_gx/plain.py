"""Great Expectations the way its documentation runs it: a suite over a pandas DataFrame in an ephemeral context."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from catalogs.model import Catalog, Resource, Rule
from quality import gx

KEY = "_origin"
COMPLETE = {"result_format": "COMPLETE", "unexpected_index_column_names": [KEY], "return_unexpected_index_query": False}


def validate(
    frame: pd.DataFrame, resource: Resource, rules: Sequence[Rule], catalog: Catalog, *, as_of: datetime, partition: str | None
) -> dict:
    """Rule id → GX's result for it, with the failing rows' keys."""
    library = gx.library()
    context = library.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset(resource.id)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    suite = gx.suite(resource, rules, catalog)
    run = batch.validate(suite, result_format=COMPLETE, expectation_parameters=gx.parameters_of(as_of, partition))
    return {result.expectation_config.meta["rule"]: result for result in run.results}


def failing(result: Any) -> set[str]:
    """Keys of the rows a result calls unexpected."""
    return {row[KEY] for row in result.result.get("unexpected_index_list") or ()}
