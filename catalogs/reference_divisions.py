"""The CSV tables of divisions: header, codes, years and successors that exist."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from .divisions import AMENDMENTS_FILE, SAMPLE_FILE, Divisions

SAMPLE_PROVINCE = "99"
HEADERS = {
    SAMPLE_FILE: ["code", "name", "since", "until", "successors"],
    AMENDMENTS_FILE: ["code", "name", "since", "successors", "origin"],
}


def faults(root: Path) -> Iterator[str]:
    """`file:line: column: reason` of everything wrong in the tables under `root` (each may be absent)."""
    if broken := [fault for name in HEADERS if (root / name).is_file() for fault in _shape(root, name)]:
        yield from broken
        return
    divisions = Divisions(root)
    for name in HEADERS:
        if (root / name).is_file():
            yield from _successors(root, name, divisions)


def _shape(root: Path, name: str) -> Iterator[str]:
    with (root / name).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    if not rows or rows[0] != HEADERS[name]:
        yield f"{name}:1: header: must be {','.join(HEADERS[name])}"
        return
    seen: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(HEADERS[name]):
            yield f"{name}:{number}: row: {len(row)} columns, {len(HEADERS[name])} expected"
            continue
        yield from (f"{name}:{number}: {column}: {reason}" for column, reason in _row(dict(zip(HEADERS[name], row, strict=True)), name))
        if row[0] in seen:
            yield f"{name}:{number}: code: {row[0]} occurs twice"
        seen.add(row[0])


def _row(row: dict[str, str], name: str) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(r"[0-9]{6}", row["code"]):
        yield "code", "six digits expected"
    elif (name == SAMPLE_FILE) != row["code"].startswith(SAMPLE_PROVINCE):
        yield "code", f"only the sample table, and nothing else there, lies in {SAMPLE_PROVINCE}xxxx"
    if name == SAMPLE_FILE and not row["name"]:
        yield "name", "empty"
    for column in ("since", "until"):
        if not re.fullmatch(r"([0-9]{4})?", row.get(column, "")):
            yield column, "a year or nothing expected"


def _successors(root: Path, name: str, divisions: Divisions) -> Iterator[str]:
    with (root / name).open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            for successor in row["successors"].split():
                if successor not in divisions:
                    yield f"{name}:{number}: successors: no division {successor}"
            if row["successors"] and divisions[row["code"]].until is None:
                yield f"{name}:{number}: successors: {row['code']} is in use and has none"
            if not divisions[row["code"]].name:
                yield f"{name}:{number}: name: {row['code']} is not in the installed table and needs a name"
