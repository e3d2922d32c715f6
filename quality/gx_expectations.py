"""Expectations of our own, for the checks Great Expectations has none for, in plain Python on pandas.

They reach people as rules (`quality.gx_rules`); their verdicts come from `quality.gx_verdicts`, or from DuckDB for `expression` rules.

Imports Great Expectations at the top: import this module only inside functions of `quality/gx.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import duckdb
import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.exceptions import InvalidExpectationConfigurationError
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnMapExpectation, MulticolumnMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.metrics.map_metric_provider import MulticolumnMapMetricProvider, multicolumn_condition_partial
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from catalogs.load import load
from catalogs.model import Catalog
from quality import gx_verdicts
from quality.gx_frame import LEFT_OUT

JUDGED_OVER_BATCHES: Mapping[str, str] = {check: why for check, why in LEFT_OUT.items() if check != "unique"}
"""Batch checks that no frame of one batch can answer, and why. GX has an expectation of its own for `unique`."""


@functools.cache
def _catalog() -> Catalog:
    """The shipped catalogue: suites name divisions and code tables instead of copying thousands of codes."""
    return load()


class ColumnPassesCheck(ColumnMapMetricProvider):
    condition_metric_name = "column_values.pass_check"
    condition_value_keys = ("check", "params")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, check: str, params: dict[str, Any], **_: Any) -> pd.Series:
        verdict = gx_verdicts.COLUMN[check](params, _catalog())
        return column.map(verdict).astype(bool)


class ExpectColumnValuesToPassCheck(ColumnMapExpectation):
    """Every value that is there passes the named check of `quality.gx_verdicts`."""

    check: str
    params: dict[str, Any]

    map_metric: ClassVar[str] = "column_values.pass_check"
    success_keys: ClassVar[tuple[str, ...]] = ("check", "params", "mostly")


class ColumnsPassCheck(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.pass_check"
    condition_domain_keys = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")
    condition_value_keys = ("check", "params", "against")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, columns: pd.DataFrame, check: str, params: dict[str, Any], against: str | None = None, **_: Any) -> pd.Series:
        verdict = gx_verdicts.COLUMNS[check](params, _catalog(), against)
        rows = zip(*(columns[name] for name in columns), strict=True)
        return pd.Series([verdict(*values) for values in rows], index=columns.index, dtype=bool)


class ExpectColumnsToPassCheck(MulticolumnMapExpectation):
    """Every row whose columns are all there passes the named check of `quality.gx_verdicts`."""

    check: str
    params: dict[str, Any]
    against: str | dict | None = None
    """A value of the batch the row is held against, usually a suite parameter."""

    map_metric: ClassVar[str] = "multicolumn_values.pass_check"
    success_keys: ClassVar[tuple[str, ...]] = ("check", "params", "against", "mostly")


class RowVerdicts(TableMetricProvider):
    """True, false or None for every row of the frame, in its order, by a check of `quality.gx_verdicts`."""

    metric_name = "table.row_verdicts"
    value_keys = ("columns", "check")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls, execution_engine: PandasExecutionEngine, metric_domain_kwargs: dict, metric_value_kwargs: dict, **_: Any
    ) -> list[bool | None]:
        frame, _compute, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        columns, verdict = frame[metric_value_kwargs["columns"]], gx_verdicts.ROWS[metric_value_kwargs["check"]]
        rows = zip(columns.notna().all(axis=1), *(columns[name] for name in columns), strict=True)
        return [verdict(*values) if there else None for there, *values in rows]


class SqlVerdicts(TableMetricProvider):
    """The same by a DuckDB expression."""

    metric_name = "table.sql_verdicts"
    value_keys = ("sql", "dates")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls, execution_engine: PandasExecutionEngine, metric_domain_kwargs: dict, metric_value_kwargs: dict, **_: Any
    ) -> list[bool | None]:
        frame, _compute, _accessor = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            typed = [_typed(name, frame[name], metric_value_kwargs["dates"]) for name in frame]
            rows = connection.from_df(frame).select(*typed)
            return [verdict for (verdict,) in rows.select(duckdb.SQLExpression(metric_value_kwargs["sql"])).fetchall()]


def _typed(name: str, column: pd.Series, dates: list[str]) -> duckdb.Expression:
    """The column under its type in the engine: `quality.gx_frame.cleaned_frame` gave dates and timestamps a zone."""
    expression = duckdb.ColumnExpression(name)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return expression.cast("DATE" if name in dates else "TIMESTAMP").alias(name)
    return expression


class _Counted:
    """Judges an expectation by its one metric, a list of verdicts; GX's own map results know no undefined row but a missing value."""

    def _validate(self, metrics: dict, runtime_configuration: dict | None = None, execution_engine: Any = None) -> dict[str, Any]:
        (metric,) = self.metric_dependencies
        verdicts = metrics[metric]
        failing = [position for position, verdict in enumerate(verdicts) if verdict is False]
        result: dict[str, Any] = {
            "element_count": len(verdicts),
            "missing_count": verdicts.count(None),
            "unexpected_count": len(failing),
        }
        wanted = self._get_result_format(runtime_configuration=runtime_configuration)
        names = wanted.get("unexpected_index_column_names") if isinstance(wanted, dict) else None
        if names and wanted["result_format"] == "COMPLETE":
            result["unexpected_index_list"] = execution_engine.get_domain_records({}).iloc[failing][names].to_dict("records")
        return {"success": not failing, "result": result}


class ExpectRowsToPassCheck(_Counted, BatchExpectation):
    """Every row the named check of `quality.gx_verdicts` has a verdict on passes it."""

    columns: list[str]
    check: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.row_verdicts",)
    success_keys: ClassVar[tuple[str, ...]] = ("columns", "check")


class ExpectRowsToSatisfySql(_Counted, BatchExpectation):
    """Every row for which the DuckDB expression is not NULL makes it true."""

    sql: str
    dates: list[str]
    """Columns the expression sees as DATE."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.sql_verdicts",)
    success_keys: ClassVar[tuple[str, ...]] = ("sql", "dates")


class ExpectBatchToPassCheck(BatchExpectation):
    """A rule over whole batches. It is recorded in the suite and its outcomes are stored; GX itself cannot run it on one frame."""

    check: str
    params: dict[str, Any]

    success_keys: ClassVar[tuple[str, ...]] = ("check", "params")

    def _validate(self, metrics: dict, runtime_configuration: dict | None = None, execution_engine: Any = None) -> dict[str, Any]:
        reason = JUDGED_OVER_BATCHES[self.check]
        raise InvalidExpectationConfigurationError(f"{self.check} {reason}: read the stored result that the quality engine made")
