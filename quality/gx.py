"""Great Expectations as vocabulary and record: rules become a suite, outcomes become a validation result.

- The engine judges (one DuckDB scan); nothing here looks at data. `store_run` makes a GX validation result *from our outcome table*.
- Every row rule's expectation also runs the plain GX way on a pandas DataFrame (`quality.gx_frame`): the parity tests do that.
- A rule that errored or was skipped is an exception in the result, without counts: never bad data.
- No personal data: counts only, no samples, no unexpected values (threats.md T30).
- `great_expectations` costs 10 s to import, so it is imported inside functions; without it all else works and these raise `GxMissing`.

Only `gx.py`, `gx_rules.py`, `gx_expectations.py` and `gx_docs.py` import GX; requirements.in pins it tests/quality_gx hold what is used.
"""

from __future__ import annotations

import importlib
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from catalogs.errors import EgovError
from catalogs.model import Catalog, Resource, Rule
from quality.gx_frame import midnight

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.data_context import FileDataContext
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier
    from great_expectations.expectations.expectation import Expectation

SHANGHAI = ZoneInfo("Asia/Shanghai")
SEVERITY = {"reject": "critical", "warn": "warning"}


class GxMissing(EgovError):
    """Great Expectations is not installed; only the GX record is affected."""

    code = "GX_MISSING"


class OutcomeMissing(EgovError):
    """The outcome table of a batch does not match the rules it is said to come from."""

    code = "OUTCOME_MISSING"


class Outcome(Protocol):
    """What one rule found in one batch: a row of quality_outcome, or anything with these names."""

    rule: str
    evaluated: int
    failed: int
    undefined: int
    errored: int
    skipped: int


def library() -> ModuleType:
    """The `great_expectations` package with our expectations registered, imported now (about 10 s of CPU). Raises GxMissing.

    Stored suites and results name our expectations, so whoever reads them starts here.
    """
    try:
        with warnings.catch_warnings():
            # Its own modules import deprecated ones (sre_constants); that is not the caller's warning.
            warnings.simplefilter("ignore")
            import great_expectations

            importlib.import_module("quality.gx_expectations")
    except ImportError as error:
        raise GxMissing(
            f"great_expectations cannot be imported ({error.name}): install requirements.txt (pipelines) to store suites and results"
        ) from error
    return great_expectations


def context(folder: Path) -> FileDataContext:
    """The file data context in `folder`/gx, made on first use with analytics off. Raises GxMissing."""
    gx = library()
    if not (folder / "gx" / "great_expectations.yml").is_file():
        _found(gx, folder)
    return gx.get_context(mode="file", project_root_dir=folder)


def _found(gx: ModuleType, folder: Path) -> None:
    """Makes the context aside and moves it in whole, so that two first runs never read a half-written configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".gx-", dir=folder))
    try:
        gx.get_context(mode="file", project_root_dir=aside).enable_analytics(False)
        (aside / "gx").rename(folder / "gx")
    except OSError:
        if not (folder / "gx" / "great_expectations.yml").is_file():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def expectation(rule: Rule, resource: Resource, catalog: Catalog) -> Expectation:
    """The rule as a GX expectation that carries rule id, indicator, severity and sentence. Raises GxMissing."""
    library()
    from quality import gx_rules

    common = {
        "severity": SEVERITY[rule.severity],
        "description": f"{rule.sentence}（{rule.id}）",
        "notes": f"指标 {rule.indicator}；依据 {rule.source}；自 {rule.since} 起",
        "meta": {
            "rule": rule.id,
            "indicator": rule.indicator,
            "severity": rule.severity,
            "sentence": rule.sentence,
            "check": rule.check,
            "fields": list(rule.fields),
            "source": rule.source,
            "since": rule.since,
        },
    }
    return gx_rules.express(rule, resource, catalog, common)


def suite(resource: Resource, rules: Sequence[Rule], catalog: Catalog) -> ExpectationSuite:
    """The resource's suite, named like the resource, one expectation a rule, in file order. Raises GxMissing."""
    gx = library()
    return gx.ExpectationSuite(
        name=resource.id,
        expectations=[expectation(rule, resource, catalog) for rule in rules],
        meta={"resource": resource.id, "title": resource.title, "catalog_version": catalog.version},
    )


def write_suite(folder: Path, resource: Resource, rules: Sequence[Rule], catalog: Catalog) -> ExpectationSuite:
    """Stores the suite and returns it as stored; a rule keeps its GX id for life. Raises GxMissing."""
    return _save(context(folder), suite(resource, rules, catalog))


def _save(store: FileDataContext, fresh: ExpectationSuite) -> ExpectationSuite:
    """GX compares expectations with their ids, so it never finds one again by itself: ids are carried over by rule id."""
    from great_expectations.exceptions import DataContextError

    try:
        kept = {one.meta["rule"]: one.id for one in store.suites.get(fresh.name).expectations}
    except DataContextError:
        kept = {}
    for one in fresh.expectations:
        one.id = kept.get(one.meta["rule"])
    return store.suites.add_or_update(fresh)


def store_run(
    folder: Path,
    resource: Resource,
    rules: Sequence[Rule],
    outcomes: Sequence[Outcome],
    *,
    catalog: Catalog,
    batch: str,
    run_at: datetime,
    as_of: datetime,
    partition: str | None = None,
) -> ValidationResultIdentifier:
    """Stores one run of the rules over a batch as a GX validation result made from its outcomes, and the suite it belongs to.

    `run_at` and `as_of` are aware UTC. Storing the same run again overwrites it with the same content.
    Raises GxMissing; OutcomeMissing where rules and outcomes do not match one to one.
    """
    found = {outcome.rule: outcome for outcome in outcomes}
    if set(found) != {rule.id for rule in rules} or len(found) != len(outcomes):
        odd = sorted(set(found) ^ {rule.id for rule in rules}) or sorted(found)
        raise OutcomeMissing(f"batch {batch} of {resource.id}: rules and outcomes differ in {', '.join(odd[:10])}: check the batch again")
    store = context(folder)
    stored = _save(store, suite(resource, rules, catalog))
    parameters = parameters_of(as_of, partition)
    results = [_result(one, found[one.meta["rule"]], parameters) for one in stored.expectations]
    run = _run(stored.name, results, batch=batch, run_at=run_at, parameters=parameters)
    key = _key(stored.name, batch, run_at)
    store.validation_results_store.store_validation_results(run, key)
    return key


def read_run(folder: Path, resource_id: str, batch: str, run_at: datetime) -> ExpectationSuiteValidationResult:
    """A stored run, through GX's own store. Raises GxMissing, and GX's error for a run that is not there."""
    return context(folder).validation_results_store.get(_key(resource_id, batch, run_at))


def parameters_of(as_of: datetime, partition: str | None) -> dict[str, Any]:
    """The suite parameters of a batch: the day after its Shanghai date, as `cleaned_frame` writes dates, and its partition."""
    return {"next_day": midnight(as_of.astimezone(SHANGHAI).date() + timedelta(days=1)), "partition": partition}


def _key(suite_name: str, batch: str, run_at: datetime) -> ValidationResultIdentifier:
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier

    return ValidationResultIdentifier(ExpectationSuiteIdentifier(suite_name), RunIdentifier(run_name=batch, run_time=run_at), batch)


def _result(expected: Expectation, outcome: Outcome, parameters: Mapping[str, Any]) -> ExpectationValidationResult:
    """One rule's outcome in GX's shape. Counts only; an errored or skipped rule has an exception instead of counts."""
    from great_expectations.core import ExpectationValidationResult

    config = expected.configuration
    for name, value in config.kwargs.items():
        if isinstance(value, dict) and "$PARAMETER" in value:
            config.kwargs[name] = parameters[value["$PARAMETER"]]
    state = "errored" if outcome.errored else "skipped" if outcome.skipped else "judged"
    if state != "judged":
        message = f"rule {outcome.rule} was {state}: nothing is known about the data; the quality engine's log of this batch says why"
        exception = {"raised_exception": True, "exception_message": message, "exception_traceback": ""}
        return ExpectationValidationResult(
            success=False, expectation_config=config, result={}, exception_info=exception, meta={"outcome": state}
        )
    return ExpectationValidationResult(
        success=outcome.failed == 0, expectation_config=config, result=_numbers(outcome), meta={"outcome": state}
    )


def _numbers(outcome: Outcome) -> dict[str, Any]:
    """GX's map result without its value lists: `missing` are rows the rule says nothing about."""
    rows = outcome.evaluated + outcome.undefined
    share = 100 * outcome.failed / outcome.evaluated if outcome.evaluated else None
    return {
        "element_count": rows,
        "unexpected_count": outcome.failed,
        "unexpected_percent": share,
        "missing_count": outcome.undefined,
        "missing_percent": 100 * outcome.undefined / rows if rows else None,
        "unexpected_percent_total": 100 * outcome.failed / rows if rows else None,
        "unexpected_percent_nonmissing": share,
    }


def _run(
    suite_name: str, results: list[ExpectationValidationResult], *, batch: str, run_at: datetime, parameters: Mapping[str, Any]
) -> ExpectationSuiteValidationResult:
    from great_expectations import __version__
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.run_identifier import RunIdentifier

    good = sum(result.success for result in results)
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in parameters.items()}
    return ExpectationSuiteValidationResult(
        success=good == len(results),
        results=results,
        suite_name=suite_name,
        suite_parameters=told,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": good,
            "unsuccessful_expectations": len(results) - good,
            "success_percent": 100 * good / len(results) if results else None,
        },
        meta={
            "great_expectations_version": __version__,
            "expectation_suite_name": suite_name,
            "run_id": RunIdentifier(run_name=batch, run_time=run_at).to_json_dict(),
            "validation_time": run_at.isoformat(),
            "batch_spec": {"batch": batch},
            "batch_markers": {},
            "active_batch_definition": {"datasource_name": "quality", "data_connector_name": "landing", "data_asset_name": suite_name},
            "batch_parameters": None,
        },
        batch_id=batch,
    )
