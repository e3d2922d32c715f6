"""What is wrong with a delivery, and what must become of each row: planned before it is written, counted as it is written.

- A `Kind` is one kind of dirt: a pure function from a row to its changed cells, and the rule ids such a row then fails.
- A row carries one kind at most, so what a row trips is what its kind says and nothing else.
- The counts are the generator's own bookkeeping: nothing here asks the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from .columns import replace

Row = Mapping[str, str | None]
Columns = dict[str, pa.Array]

CONFLICT = "conflicting_duplicate"
RAW = "_raw"
"""Changed cell that replaces the whole line of a text file (too many or too few columns)."""


@dataclass(frozen=True)
class Kind:
    """One kind of dirt or defect."""

    name: str
    change: Callable[[Row, int], Row]
    """(row, ordinal within the kind) → the cells that change."""
    rules: tuple[str, ...] = ()
    """Ids of the rules such a row fails; empty = cleaning repairs it silently."""
    outcome: str = "trusted"
    """trusted | quarantined | deleted (of the row, or of the second row where it repeats)."""
    repeats: bool = False
    """The changed row comes as a second row of the same key, at the end; the first is superseded."""
    license: str = "issued"
    """issued | held: what becomes of a trusted row's license."""
    among: str | None = None
    """Group of rows the kind can befall."""
    share: float = 0.0004
    least: int = 3


@dataclass
class Ledger:
    """Counts and keys of one delivery, in the names of the pipeline's report."""

    read: int = 0
    trusted: int = 0
    quarantined: int = 0
    superseded: int = 0
    deleted: int = 0
    warned: int = 0
    held: int = 0
    rules: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def enter(self, kind: Kind, keys: Sequence[str]) -> None:
        """Move rows counted as trusted to what their kind makes of them."""
        rows = len(keys)
        self.kinds[kind.name] = self.kinds.get(kind.name, 0) + rows
        for rule in kind.rules:
            self.rules.setdefault(rule, []).extend(keys)
        if kind.repeats:
            self.read += rows
            self.superseded += rows
        if kind.outcome == "trusted":
            self.warned += rows if kind.rules else 0
            self.held += rows if kind.license == "held" else 0
        else:
            self.trusted -= rows
            setattr(self, kind.outcome, getattr(self, kind.outcome) + rows)


@dataclass(frozen=True)
class Plan:
    """Which rows carry which kind."""

    kinds: tuple[Kind, ...]
    rows: Mapping[str, np.ndarray]
    sound: np.ndarray
    """Rows the pipeline must trust as they were drawn: nothing about them is in doubt."""
    lost: np.ndarray
    """Rows it must not trust, nor anything else under the number they were drawn with."""


def plan(rng: np.random.Generator, size: int, kinds: Sequence[Kind], groups: Mapping[str, np.ndarray]) -> Plan:
    """Give each kind its rows. Raises ValueError where a group has too few."""
    free = np.ones(size, dtype=bool)
    sound, lost = np.ones(size, dtype=bool), np.zeros(size, dtype=bool)
    chosen: dict[str, np.ndarray] = {}
    for kind in sorted(kinds, key=lambda one: one.among is None):
        count = max(kind.least, round(kind.share * size))
        candidates = np.flatnonzero(free if kind.among is None else free & groups[kind.among])
        if len(candidates) < count:
            raise ValueError(f"{kind.name} needs {count} rows, {len(candidates)} can carry it: generate more persons")
        rows = np.sort(rng.choice(candidates, count, replace=False, shuffle=False))
        chosen[kind.name] = rows
        free[rows] = False
        sound[rows] = kind.outcome == "trusted" and not kind.rules
        lost[rows] = kind.outcome != "trusted"
    return Plan(tuple(kinds), chosen, sound, lost)


def spoil(columns: Columns, start: int, plan: Plan, ledger: Ledger, key: str) -> tuple[Columns, list[Row]]:
    """Apply the plan to rows start … of a delivery; returns the columns and the repeated rows to append."""
    size = len(columns[key])
    ledger.read += size
    ledger.trusted += size
    edits: dict[str, tuple[list[int], list[str | None]]] = {}
    repeated: list[Row] = []
    for kind, rows, first in _within(plan, start, size):
        keys = []
        for ordinal, (at, row) in enumerate(zip(rows.tolist(), _rows(columns, rows), strict=True), start=first):
            cells = kind.change(row, ordinal)
            keys.append(_key(kind, row, cells, key))
            if kind.repeats:
                repeated.append({**row, **cells})
                continue
            for header, value in cells.items():
                edits.setdefault(header, ([], []))[0].append(at)
                edits[header][1].append(value)
        ledger.enter(kind, keys)
    for header, (rows, values) in edits.items():
        base = columns.get(header, pa.nulls(size, pa.string()))
        columns[header] = replace(base, np.asarray(rows), values)
    return columns, repeated


def _within(plan: Plan, start: int, size: int) -> Iterator[tuple[Kind, np.ndarray, int]]:
    for kind in plan.kinds:
        rows = plan.rows[kind.name]
        low, high = np.searchsorted(rows, (start, start + size))
        if high > low:
            yield kind, rows[low:high] - start, int(low)


def _rows(columns: Columns, rows: np.ndarray) -> list[Row]:
    return pa.table(columns).take(pa.array(rows)).to_pylist()


def _key(kind: Kind, row: Row, cells: Row, key: str) -> str:
    """The key as the pipeline must report it: a repaired key is the right one, a broken key is what stands there."""
    if RAW in cells:
        return ""
    broken = kind.rules and key in cells
    return ((cells[key] if broken else row[key]) or "").strip()


def appended(columns: Columns, rows: Sequence[Row]) -> Columns:
    """The columns with rows after them."""
    extra = {header: pa.array([row.get(header) for row in rows], pa.string()) for header in columns}
    return {header: pa.concat_arrays([column, extra[header]]) for header, column in columns.items()}
