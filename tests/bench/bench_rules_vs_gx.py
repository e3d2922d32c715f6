"""`rules_vs_gx_1m`: the row rules of `population` over one Parquet file of cleaned rows, against Great Expectations on pandas.

- Ours: one scan by the engine's own rule expressions; evaluated, failed and undefined rows of every rule. With failing keys: the same
  scan also writes key and rule bits of every failing row to Parquet. Reading the file and planning the query count.
- The baseline is GX on pandas as the goals' figures were measured (reference/pipelines.md §2): core expectations only, so that no Python
  of ours slows it down; a frame with just the columns it needs, text in Arrow, dates zoned so that GX compares whole columns; result
  format SUMMARY, which is a checkpoint's own, and COMPLETE with an index column for the keys; no progress bars. Loading the frame and
  building the validator do not count.
- Both sides judge the same rules: those a core expectation can express (check digits, divisions and agreement with the number cannot be).
  Their counts and keys must be equal. One thread each. Interleaved, medians of three, CPU of the process and its children.
"""

from __future__ import annotations

import logging
import resource
import statistics
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

import connectors
from catalogs.load import load
from catalogs.model import ROW_CHECKS, Field, Rule
from connectors.sample.population_csv import population_csv
from connectors.settings import EnvironmentCredentials
from quality import clean, gx, scan
from quality.check.rows import Context, compile_rule
from quality.gx_frame import cleaned_frame
from quality.rulebook import Rulebook, rulebook
from quality.session import prepare, session
from quality.sql import Sql, commas, compose, ident, joined, literal, named

REPEATS = 3
AS_OF = datetime(2026, 11, 21, tzinfo=UTC)
NO_CORE_EXPECTATION = ("check_digit", "division_known", "division_current", "sex_matches_id", "birth_matches_id")
KEY = "_origin"
DAMAGE = r"[\x{FFFD}\x{E000}-\x{F8FF}\x{F0000}-\x{10FFFF}]|[\x{2E80}-\x{9FFF}]\?|\?[\x{2E80}-\x{9FFF}]|锟斤拷|烫烫烫|屯屯屯|ï¿½|â€"
"""What `clean_text` looks for, in the syntax of the regular expressions Arrow runs for pandas."""
DEFECTS: Mapping[str, str] = {
    "name": "CASE WHEN _row % 211 = 0 THEN '王' ELSE name END",
    "sex": "CASE WHEN _row % 97 = 0 THEN NULL ELSE sex END",
    "ethnicity": "CASE WHEN _row % 83 = 0 THEN '不详族' ELSE ethnicity END",
    "birth_date": "CASE WHEN _row % 389 = 0 THEN DATE '2031-01-01' ELSE birth_date END",
    "address": "CASE WHEN _row % 101 = 0 THEN address || '?' WHEN _row % 53 = 0 THEN NULL ELSE address END",
    "phone": "CASE WHEN _row % 41 = 0 THEN '12345' ELSE phone END",
    "life_status": "CASE WHEN _row % 307 = 0 THEN '2' ELSE life_status END",
    "operation": "CASE WHEN _row % 997 = 0 THEN 'X' ELSE operation END",
}
"""Defects put into the cleaned rows, about 7 % of them, so that most rules have failing rows to report."""

Found = dict[str, tuple[int, int]]
"""Rule id → rows evaluated, rows failed."""
Validate = Callable[[bool, list[float]], tuple[Found, dict[str, set[str]]]]
"""Runs GX, with failing keys or without, and adds its CPU seconds to the list."""


@dataclass(frozen=True)
class Ours:
    """The engine's rules over a file of cleaned rows."""

    connection: duckdb.DuckDBPyConnection
    rules: tuple[Rule, ...]
    book: Rulebook
    judged: Sql
    """The rows with a verdict column for each rule: true, false or NULL."""

    def counts(self) -> Found:
        query = compose("SELECT {sums} FROM ({rows})", sums=self._sums(), rows=self.judged)
        return self._told(self.connection.execute(query.text).fetchall())

    def keys(self, path: Path) -> Found:
        kept = compose(
            """CREATE OR REPLACE TEMP TABLE found AS
               SELECT {sums}, list(struct_pack(key := {key}, failed := failed)) FILTER (WHERE failed <> 0) AS failing
               FROM (SELECT *, {failed} AS failed FROM ({rows}))""",
            sums=self._sums(), key=ident(KEY), failed=self._failed(), rows=self.judged,
        )  # fmt: skip
        self.connection.execute(kept.text).fetchall()
        copied = (
            "COPY (SELECT one.key, one.failed FROM (SELECT unnest(failing) AS one FROM found)) TO {path} (FORMAT parquet, COMPRESSION zstd)"
        )
        self.connection.execute(compose(copied, path=literal(str(path))).text).fetchall()
        return self._told(self.connection.execute("SELECT * EXCLUDE (failing) FROM found").fetchall())

    def _sums(self) -> Sql:
        pairs = [("evaluated ", "count({verdict})"), ("failed ", "count_if(NOT {verdict})")]
        return commas(named(compose(how, verdict=_verdict(rule)), word + rule.id) for rule in self.rules for word, how in pairs)

    def _failed(self) -> Sql:
        """The bits of the rules a row fails, as the engine keeps them."""
        bit = "CASE WHEN NOT {verdict} THEN {bit} ELSE 0 END"
        terms = [compose(bit, verdict=_verdict(rule), bit=literal(self.book.bits[rule.id])) for rule in self.rules]
        return compose("({sum})::BIGINT", sum=joined(" + ", terms))

    def _told(self, told: list[tuple[int, ...]]) -> Found:
        ((*numbers,),) = told
        return {rule.id: (numbers[2 * at], int(numbers[2 * at + 1])) for at, rule in enumerate(self.rules)}


def run(rows: int = 1_000_000) -> dict:
    """Goals: ratio ≥ 5 (counts), ratio_keys ≥ 7 (counts and failing keys)."""
    catalog = load()
    rules = tuple(one for one in catalog.rules["population"] if one.check in ROW_CHECKS and one.check not in NO_CORE_EXPECTATION)
    with tempfile.TemporaryDirectory() as folder:
        path = cleaned_rows(Path(folder), rows)
        ours, theirs = our_rules(path, rules), plain_gx(path, rules)
        figures = _interleaved(ours, theirs, Path(folder))
    cpu = {name: [round(one, 3) for one in taken] for name, taken in figures.items()}
    median = {name: statistics.median(taken) for name, taken in figures.items()}
    return {
        "bench": "rules_vs_gx_1m",
        "value": round(median["ours"], 3),
        "unit": "cpu_s",
        "baseline": round(median["gx"], 3),
        "ratio": round(median["gx"] / median["ours"], 2),
        "ratio_keys": round(median["gx_keys"] / median["ours_keys"], 2),
        "detail": {"rows": rows, "rules": len(rules), "left_out": list(NO_CORE_EXPECTATION), "cpu_s": cpu},
    }


def _interleaved(ours: Ours, theirs: Validate, folder: Path) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {"ours": [], "gx": [], "ours_keys": [], "gx_keys": []}
    for turn in range(REPEATS):
        keys = folder / f"failing-{turn}.parquet"
        found = _timed(taken["ours"], ours.counts)
        told, _ = theirs(False, taken["gx"])
        found_keys = _timed(taken["ours_keys"], lambda keys=keys: ours.keys(keys))
        told_keys, failing = theirs(True, taken["gx_keys"])
        if not found == told == found_keys == told_keys:
            raise AssertionError(f"the two sides differ: {sorted(rule for rule in found if found[rule] != told[rule])}")
        _check_keys(ours, keys, failing)
    return taken


def _check_keys(ours: Ours, path: Path, failing: dict[str, set[str]]) -> None:
    """Every failing row by name, rule for rule."""
    rows = pq.read_table(path).to_pylist()
    for rule in ours.rules:
        bit = ours.book.bits[rule.id]
        if {row["key"] for row in rows if row["failed"] & bit} != failing[rule.id]:
            raise AssertionError(f"failing keys of {rule.id} differ")


def cleaned_rows(folder: Path, rows: int) -> Path:
    """A generated population landed and cleaned by the engine, with defects put in."""
    catalog = load()
    population, now = catalog.resources["population"], AS_OF
    population_csv(folder / "population.csv", rows, seed=1)
    landed = connectors.pull(population, folder, credentials=EnvironmentCredentials({}), now=now, input=folder / "population.csv")
    (folder / "population.csv").unlink()
    path = folder / "cleaned.parquet"
    with session(folder, catalog) as connection:
        context = Context(population, catalog, AS_OF.date(), None)
        rows_of = scan.Landed(landed.rows, frozenset(pq.read_schema(landed.rows).names))
        scan.stage(connection, rows_of, rulebook(population, catalog), context)
        spoiled = commas(named(Sql(defect), name) for name, defect in DEFECTS.items())
        columns = "SELECT * REPLACE ({spoiled}), NULL::VARCHAR AS _raw, _source || ':' || _line AS _origin FROM stage ORDER BY _row"
        copied = compose("COPY ({rows}) TO {path} (FORMAT parquet, COMPRESSION zstd)",
                         rows=compose(columns, spoiled=spoiled), path=literal(str(path)))  # fmt: skip
        connection.execute(copied.text).fetchall()
    return path


def our_rules(path: Path, rules: tuple[Rule, ...]) -> Ours:
    """The scan's columns that rules lean on, then every rule."""
    catalog = load()
    population = catalog.resources["population"]
    context, book = Context(population, catalog, date(2026, 11, 21), None), rulebook(population, catalog)
    rows = compose("SELECT * FROM read_parquet({path})", path=literal(str(path)))
    looked = [population.field(rule.fields[0]) for rule in rules if rule.check in ("clean_text", "parsed")]
    for layer in (clean.look, clean.tidy):
        rows = _with(rows, {name: one for field in looked for name, one in _given(field, layer).items()})
    rows = _with(rows, {"rule:" + rule.id: compile_rule(rule, context) for rule in rules})
    connection = duckdb.connect()
    for setting in ("SET enable_progress_bar = false", "SET threads = 1"):
        connection.execute(setting)
    prepare(connection, catalog)
    return Ours(connection, rules, book, rows)


def _given(field: Field, layer: Callable[[Field, Sql], dict[str, Sql]]) -> dict[str, Sql]:
    """A cleaning layer where a rule on cleaned rows needs it: text as it is, and what could not be read."""
    if field.type not in ("date", "datetime", "money", "decimal"):
        return layer(field, ident(field.name))
    value, source = ident(field.name), ident(clean.source_column(field))
    unread = "CASE WHEN {value} IS NULL AND {source} <> '' THEN {one} END"
    return {name: compose(unread, value=value, source=source, one=one) for name, one in layer(field, source).items()}


def _with(rows: Sql, added: dict[str, Sql]) -> Sql:
    return compose("SELECT *, {added} FROM ({rows})", added=commas(named(one, name) for name, one in added.items()), rows=rows)


def _verdict(rule: Rule) -> Sql:
    return ident("rule:" + rule.id)


def plain_gx(path: Path, rules: tuple[Rule, ...]) -> Validate:
    """A call that validates the frame anew and adds its CPU seconds to a list."""
    library, catalog = gx.library(), load()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    population = catalog.resources["population"]
    unread = [rule.fields[0] + "__src" for rule in rules if rule.check == "parsed"]
    needed = {name for rule in rules for name in rule.fields} | {KEY, "_raw", *unread}
    frame = cleaned_frame(pq.read_table(path, columns=sorted(needed)))
    context = library.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    whole = context.data_sources.add_pandas("frames").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("whole")
    request = whole.build_batch_request(batch_parameters={"dataframe": frame})
    parameters = gx.parameters_of(AS_OF, None)
    logging.getLogger("great_expectations").setLevel(logging.ERROR)

    def validate(keys: bool, taken: list[float]) -> tuple[Found, dict[str, set[str]]]:
        suite = library.ExpectationSuite(name="rows", expectations=[_cheapest(library, rule, population, catalog) for rule in rules])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            validator = context.get_validator(batch_request=request, expectation_suite=library.ExpectationSuite(name="none"))
            # The suite is given here: a validator's own would keep one of two rules of a kind on a column.
            run = _timed(taken, lambda: validator.validate(suite, result_format=_format(keys), suite_parameters=parameters))
        results = {one.expectation_config.meta["rule"]: one.result for one in run.results}
        failing = {rule: {line[KEY] for line in one.get("unexpected_index_list") or ()} for rule, one in results.items()}
        return {
            rule: (one["element_count"] - (one.get("missing_count") or 0), one["unexpected_count"]) for rule, one in results.items()
        }, failing

    return validate


def _format(keys: bool) -> dict[str, Any]:
    return {"result_format": "COMPLETE", "unexpected_index_column_names": [KEY]} if keys else {"result_format": "SUMMARY"}


def _cheapest(library: Any, rule: Rule, population: Any, catalog: Any) -> Any:
    """The rule's core expectation; two checks have a cheaper one here than the suite's, good for these rows."""
    from great_expectations.expectations.row_conditions import PassThroughCondition

    name, meta = (rule.fields or ("",))[0], {"rule": rule.id}
    if rule.check == "clean_text":
        return library.expectations.ExpectColumnValuesToNotMatchRegex(column=name, regex=DAMAGE, meta=meta)
    if rule.check == "parsed":
        judged = PassThroughCondition(pass_through_filter=f"`{name}`.notna() or `{name}__src`.fillna('') != ''")
        return library.expectations.ExpectColumnValuesToNotBeNull(column=name, row_condition=judged, meta=meta)
    return gx.expectation(rule, population, catalog)


def _timed(taken: list[float], work: Callable[[], Any]) -> Any:
    before = _cpu_s()
    made = work()
    taken.append(_cpu_s() - before)
    return made


def _cpu_s() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
