"""Administrative division codes (GB/T 2260) with their history, read only when somebody asks.

- real codes: the table inside the installed python-stdnum (`stdnum/cn/loc.dat`): names and spells, no successors
- successors and newer codes: `codes/division_amendments.csv` (origin of each in `codes/SOURCES.md`)
- the sample province 99xxxx: `codes/divisions_sample.csv`
- a code with several spells is shown by its spell in use, else by its last one

Source: standards.md §2.3.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

from .model import Division

SAMPLE_FILE = "codes/divisions_sample.csv"
AMENDMENTS_FILE = "codes/division_amendments.csv"
NATIONAL = "100000"
"""In credit codes: registered with an organ of the centre."""

_SPELL = re.compile(r"(?:\[(\d*)-(\d*)\])?([^,\[]+)")
_NO_PLACE = frozenset(
    {"市辖区", "县", "省直辖县级行政单位", "省直辖县级行政区划", "自治区直辖县级行政区划", "自治区直辖县级行政单位", "省直辖行政单位"}
)
"""Names of codes that group others; no place is called so."""


class Divisions(Mapping[str, Division]):
    """Code → division. Picklable and cheap to make: the table is read on first use, once a process."""

    def __init__(self, root: Path):
        self._root = str(root)

    @property
    def _table(self) -> dict[str, Division]:
        return _read(self._root)

    def __getitem__(self, code: str) -> Division:
        return self._table[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


def current(divisions: Mapping[str, Division], code: str) -> str | None:
    """The code in use that stands for this one: itself, its (last) successor, else None. Follows chains, survives loops."""
    seen: set[str] = set()
    waiting = [code]
    while waiting:
        one = waiting.pop(0)
        if one in seen or one not in divisions:
            continue
        if divisions[one].until is None:
            return one
        seen.add(one)
        waiting.extend(divisions[one].successors)
    return None


def full_name(divisions: Mapping[str, Division], code: str) -> str:
    """Province, city and county of a code in one string, without words that only group codes; '' for an unknown code."""
    steps = dict.fromkeys((code[:2] + "0000", code[:4] + "00", code))
    names = [divisions[one].name for one in steps if one in divisions]
    return "".join(dict.fromkeys(name for name in names if name not in _NO_PLACE))


def sample(root: Path) -> list[Division]:
    """The made-up province of the generated departments. Empty where the catalogue has none."""
    return [
        Division(row["code"], row["name"], _year(row["since"]), _year(row["until"]), tuple(row["successors"].split()))
        for row in _rows(root / SAMPLE_FILE)
    ]


@lru_cache(maxsize=8)
def _read(root: str) -> dict[str, Division]:
    table = {one.code: one for one in _installed()}
    for row in _rows(Path(root) / AMENDMENTS_FILE):
        code = row["code"]
        if code in table:
            table[code] = replace(table[code], successors=tuple(row["successors"].split()))
        else:
            table[code] = Division(code, row["name"], _year(row["since"]), None, ())
    table.update((one.code, one) for one in sample(Path(root)))
    return table


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _installed() -> Iterator[Division]:
    province = ""
    for line in (resources.files("stdnum.cn") / "loc.dat").read_text(encoding="utf-8").splitlines():
        key, _, value = line.strip().partition(" ")
        if not key or key.startswith("#"):
            continue
        if not line.startswith(" "):
            province = key
            continue
        yield _spell(province + key, value.split('"')[1])


def _spell(code: str, text: str) -> Division:
    spells = [(_year(start), _year(end), name) for start, end, name in _SPELL.findall(text)]
    since, until, name = max(spells, key=lambda spell: (spell[1] is None, spell[1] or 0))
    return Division(code, name, since, until, ())


def _year(text: str) -> int | None:
    return int(text) if text else None
