"""A DuckDB connection for one batch: macros, code tables and divisions in it, spilling to the lake's `tmp`, closed to everything else.

- Memory is capped below what a batch may take (2.5 GiB in all); what does not fit spills to a fresh folder of the lake's `spill`
  (tmpfs or an encrypted volume; DuckDB's own temporary files are not encrypted), removed at the end.
- Files being written lie in `<lake>/tmp/<fresh>`, encrypted like the lake, until they get their lasting names.
- After set-up the connection reads and writes inside the lake only, so a rule's SQL cannot reach other files or the network.
- A killed run leaves its folder behind; the next session removes every folder whose lock nobody holds.
"""

from __future__ import annotations

import atexit
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from threading import Lock, get_ident
from typing import LiteralString
from uuid import uuid4

import duckdb

from catalogs.model import Catalog
from connectors.lake import Lake
from quality.clean import macros
from quality.sql import Sql, compose, literal, literals, trusted

SETTINGS = {
    "memory_limit": "1800MiB",
    "TimeZone": "UTC",
    "preserve_insertion_order": False,
    "disabled_optimizers": "projection_pullup,projection_placement,in_clause",
}
"""The cap is DuckDB's own; Python and what DuckDB does not count come on top. Rows carry their number, so order is not kept.

The scan's layers say what is computed once: two optimisers that merge projections would copy each expression to its uses again, and the
third evaluates an IN list for every row although it stands in a branch of a CASE that few rows take.
"""


def alone(catalog: Catalog, resource_id: str) -> Catalog:
    """The catalogue with that resource alone: only its macros are needed."""
    return replace(catalog, resources={resource_id: catalog.resources[resource_id]})


@contextmanager
def session(place: Lake | Path, catalog: Catalog) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection ready for the macros' SQL; `outputs_of` is its own folder for files being written."""
    lake = Lake.of(place)
    with scratch(lake / "tmp") as folder, _spilling(lake, folder) as spill, duckdb.connect(":memory:") as connection:
        for setting, value in (*SETTINGS.items(), ("temp_directory", str(spill))):
            connection.execute(compose("SET {name} = {value}", name=trusted(setting), value=literal(value)).text)
        connection.execute(compose("SET VARIABLE outputs = {folder}", folder=literal(str(folder))).text)
        lake.attach(connection)
        prepare(connection, catalog)
        confine(connection, lake)
        yield connection


def outputs_of(connection: duckdb.DuckDBPyConnection) -> Path:
    """The session's folder for files being written, on the lake's own volume."""
    ((folder,),) = connection.execute("SELECT getvariable('outputs')").fetchall()
    return Path(folder)


@contextmanager
def spilling(lake: Lake) -> Iterator[Path]:
    """A fresh folder for what DuckDB cannot hold in memory."""
    with scratch(lake.spill or lake / "tmp") as folder:
        yield folder


def _spilling(lake: Lake, outputs: Path) -> AbstractContextManager[Path]:
    return spilling(lake) if lake.spill else nullcontext(outputs)


_KEPT: dict[tuple[Path, int, int], tuple[duckdb.DuckDBPyConnection, ExitStack, Catalog]] = {}
"""By lake, catalogue and keys: these very objects, which the entry holds on to."""
_KEPT_IN_USE = Lock()
_KEPT_BY: set[int] = set()
"""The thread that has it, if one has."""


@contextmanager
def kept(place: Lake | Path, catalog: Catalog) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session this process keeps open, for batches of a row or two: opening one takes longer than such a batch.

    One user at a time. Every table a batch makes is replaced by the next; after a fault the session is closed. A batch checked in the
    middle of another, by the same thread, gets a session of its own.
    """
    if get_ident() in _KEPT_BY:
        with session(place, catalog) as connection:
            yield connection
        return
    with _KEPT_IN_USE, _by_this_thread():
        lake = Lake.of(place)
        key = (lake.root.resolve(), id(catalog), id(lake.keys))
        if key not in _KEPT:
            close_kept()
            stack = ExitStack()
            _KEPT[key] = (stack.enter_context(session(lake, catalog)), stack, catalog)
        try:
            yield _KEPT[key][0]
        except BaseException:
            close_kept()
            raise


@contextmanager
def _by_this_thread() -> Iterator[None]:
    _KEPT_BY.add(get_ident())
    try:
        yield
    finally:
        _KEPT_BY.clear()


def close_kept() -> None:
    """Gives back the kept session and its scratch folder."""
    while _KEPT:
        _KEPT.popitem()[1][1].close()


atexit.register(close_kept)


def prepare(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Macros and reference tables: `code_alias(code_table, alias, code)`, `division(code, in_use)`."""
    for macro in macros(field.type for resource in catalog.resources.values() for field in resource.fields):
        connection.execute(macro.text)
    _tables(connection, catalog)
    connection.execute(_CODE_OF.text)
    connection.execute(_check_macros())


def confine(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """No file outside the lake, no network, no further change of settings."""
    places = literals(lake.places([lake.root]))
    connection.execute(compose("SET allowed_directories = [{places}]", places=places).text)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """A fresh folder under `root`, locked while in use and removed at the end."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(root)
    # Locked before it has a name that `_sweep` looks at: another session must not take it for an abandoned one.
    folder, unborn = root / ("batch-" + uuid4().hex), root / ("new-" + uuid4().hex)
    unborn.mkdir(mode=0o700)
    with (unborn / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unborn.rename(folder)
        try:
            yield folder.resolve()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what killed runs left: folders whose lock can be taken."""
    for lock_path in root.glob("batch-*/lock"):
        try:
            with lock_path.open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_path.parent, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            continue


_DIVISION = "CREATE TEMP TABLE division AS SELECT unnest($1::VARCHAR[]) AS code, unnest($2::BOOLEAN[]) AS in_use"

_CODE_ALIAS = """CREATE TEMP TABLE code_alias AS
    SELECT code_table, narrow_code(spelling) AS alias, arg_min(code, (code <> spelling, code)) AS code
    FROM (SELECT unnest($1::VARCHAR[]) AS code_table, unnest($2::VARCHAR[]) AS spelling, unnest($3::VARCHAR[]) AS code)
    GROUP BY ALL"""
"""Where two spellings become one, the code itself wins, then the lower code."""

_CODE_OF = Sql(
    """CREATE OR REPLACE TEMP MACRO code_of(wanted, t) AS
        (SELECT known.code FROM code_alias AS known WHERE known.code_table = wanted AND known.alias = narrow_code(t))"""
)


def _tables(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    spellings = [
        (table.id, alias, code)
        for table in catalog.codes.values()
        for alias, code in {
            **table.aliases,
            **{label: code for code, label in table.labels.items()},
            **{code: code for code in table.labels},
        }.items()
    ]
    fill(connection, _CODE_ALIAS, spellings, 3)
    fill(connection, _DIVISION, _division_rows(catalog), 2)


def _division_rows(catalog: Catalog) -> list[tuple[str, bool]]:
    """Codes with whether they are in use; provinces and cities (ending in 00) are as good as their counties."""
    known: dict[str, bool] = {}
    for division in catalog.divisions.values():
        in_use = division.until is None
        for code in (division.code, division.code[:4] + "00", division.code[:2] + "0000"):
            known[code] = known.get(code, False) or in_use
    return sorted(known.items())


def fill(connection: duckdb.DuckDBPyConnection, create: LiteralString, rows: list[tuple], width: int) -> None:
    """A temp table from Python rows, by lists as parameters: executemany costs a millisecond a row, Arrow an import of pandas."""
    connection.execute(create, [[row[at] for row in rows] for at in range(width)]).fetchall()


@cache
def _check_macros() -> str:
    return (resources.files("quality.check") / "macros.sql").read_text(encoding="utf-8")
