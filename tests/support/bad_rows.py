"""A population delivery whose bad rows are known to the last rule: each carries one to four defects that overlap, and the truth file says
which rules it fails. Imports nothing of quality/: what a rule means is written here once more, from docs/architecture.md "Row checks".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from connectors.sample import headers, people, places, population

AS_OF = date(2026, 11, 21)
CHUNK = 100_000
NUMBER, NAME, SEX, BORN, HOME, ADDRESS, PHONE, STATUS, ORGAN, OPERATION = (
    "公民身份号码", "姓名", "性别", "出生日期", "户籍区划", "户籍地址", "联系电话", "人员状态", "登记机关代码", "操作",
)  # fmt: skip
FLIPPED = {"男": "女", "女": "男"}


@dataclass
class Row:
    """One person's line while it is being spoiled. `number_form`: 18 digits that look like a number, whatever its check character."""

    cells: dict[str, str]
    failed: set[str] = field(default_factory=set)
    number_form: bool = True
    malformed: bool = False

    def put(self, header: str, value: str, *failed: str) -> None:
        self.cells[header] = value
        self.failed |= {"population." + rule for rule in failed}


def _no_number(row: Row) -> None:
    row.put(NUMBER, "", "id_number.not_null")
    row.number_form = False


def _wrong_check(row: Row) -> None:
    number = row.cells[NUMBER]
    row.put(NUMBER, number[:17] + ("0" if number[17] == "X" else str((int(number[17]) + 1) % 10)), "id_number.check_digit")


def _short_number(row: Row) -> None:
    row.put(NUMBER, row.cells[NUMBER][:17], "id_number.check_digit", "id_number.length")
    row.number_form = False


def _other_sex(row: Row) -> None:
    row.put(SEX, FLIPPED[row.cells[SEX]], *(["sex.matches_id"] if row.number_form else []))


def _other_birth(row: Row) -> None:
    year, month, day = row.cells[BORN].split("-")
    row.put(BORN, f"{year}-{month}-{'15' if day == '14' else '14'}", *(["birth_date.matches_id"] if row.number_form else []))


def _birth_to_come(row: Row) -> None:
    row.put(BORN, "2027-03-01", "birth_date.not_future", *(["birth_date.matches_id"] if row.number_form else []))


def _wrong_organ(row: Row) -> None:
    code = row.cells[ORGAN]
    row.put(ORGAN, code[:17] + ("A" if code[17] != "A" else "B"), "registrar_code.check_digit")


REJECTED: Mapping[str, tuple[Callable[[Row], None], ...]] = {
    NUMBER: (_no_number, _wrong_check, _short_number),
    NAME: (lambda row: row.put(NAME, "", "name.not_null"),),
    SEX: (
        lambda row: row.put(SEX, "", "sex.not_null"),
        lambda row: row.put(SEX, "7", "sex.in_codes"),
        _other_sex,
    ),
    BORN: (
        lambda row: row.put(BORN, "", "birth_date.not_null"),
        lambda row: row.put(BORN, "1999-02-30", "birth_date.not_null", "birth_date.parsed"),
        _other_birth,
        _birth_to_come,
    ),
    STATUS: (
        lambda row: row.put(STATUS, "", "life_status.not_null"),
        lambda row: row.put(STATUS, "走失", "life_status.in_codes"),
    ),
    OPERATION: (lambda row: row.put(OPERATION, "X", "operation.pattern"),),
}
"""Column → defects for which a row is rejected; one of a column at most. A defect of the number comes first: others depend on it."""

WARNED: Mapping[str, tuple[Callable[[Row], None], ...]] = {
    NAME: (
        lambda row: row.put(NAME, row.cells[NAME][:1], "name.length"),
        lambda row: row.put(NAME, row.cells[NAME] + "?", "name.clean_text"),
    ),
    HOME: (
        lambda row: row.put(HOME, "", "household_division.not_null"),
        lambda row: row.put(HOME, "459999", "household_division.known", "household_division.current"),
    ),
    ADDRESS: (
        lambda row: row.put(ADDRESS, "", "address.not_null"),
        lambda row: row.put(ADDRESS, row.cells[ADDRESS] + "\ufffd", "address.clean_text"),
    ),
    PHONE: (lambda row: row.put(PHONE, "12345", "phone.pattern"),),
    STATUS: (lambda row: row.put(STATUS, "死亡", "death_date.required_when_dead"),),
    ORGAN: (_wrong_organ,),
}  # fmt: skip
"""Column → defects of which is only warned."""


def deliver(csv_path: Path, truth_path: Path, rows: int, bad: int, warned: int, seed: int = 1) -> None:
    """Writes `rows` rows: `bad` fail a rejecting rule, `warned` others fail warning rules alone, the rest nothing.

    The truth file has a line a row that fails anything: its line in the CSV, `quarantined` or `trusted`, its rule ids.
    """
    fate = np.zeros(rows, dtype=np.int8)
    chosen = np.random.default_rng([seed, 77]).permutation(rows)
    fate[chosen[:bad]], fate[chosen[bad : bad + warned]] = 1, 2
    with csv_path.open("x", encoding="utf-8") as out, truth_path.open("x", encoding="utf-8") as truth:
        out.write(",".join(headers.POPULATION) + "\n")
        for at, cells in enumerate(_living(rows, seed)):
            row = Row(cells)
            if fate[at]:
                _spoil(row, random.Random(f"{seed} {at}"), bad=fate[at] == 1)
                truth.write(f"{at + 2},{'quarantined' if fate[at] == 1 else 'trusted'},{';'.join(sorted(row.failed))}\n")
            out.write(",".join(row.cells.values()) + (",多出的一列\n" if row.malformed else "\n"))


def _spoil(row: Row, draw: random.Random, *, bad: bool) -> None:
    if bad and draw.random() < 0.02:
        # A line of another width stands for nothing but itself: no other rule can judge it.
        row.malformed, row.failed = True, {"population.row.well_formed"}
        return
    kinds = [(column, True) for column in REJECTED] if bad else []
    picked = draw.sample(kinds, draw.choice((1, 1, 2, 3))) if bad else []
    free = [(column, False) for column in WARNED if (column, True) not in picked]
    picked += draw.sample(free, draw.choice((0, 0, 1, 2)) if bad else draw.choice((1, 2)))
    for column, rejects in sorted(picked, key=lambda one: one[0] != NUMBER):
        draw.choice((REJECTED if rejects else WARNED)[column])(row)


def _living(rows: int, seed: int) -> Iterator[dict[str, str]]:
    """Clean lines of living people."""
    province = people.make(places.load(), rows + rows // 4 + 1000, seed, AS_OF)
    alive = np.flatnonzero(province.died_on < 0)[:rows]
    if len(alive) < rows:
        raise ValueError(f"{len(alive)} of the people drawn are alive, {rows} are needed")
    for start in range(0, rows, CHUNK):
        columns = population.render(province, alive[start : start + CHUNK], AS_OF)
        texts = [columns[header].to_pylist() for header in headers.POPULATION]
        for line in zip(*texts, strict=True):
            yield dict(zip(headers.POPULATION, ("" if one is None else one for one in line), strict=True))
