"""The natural-resources department's titles: one workbook, co-owners side by side in one cell."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import headers, ledger, real_estate_title_kinds, workbook
from .columns import dates, day, digits, draw, join, pick, strings
from .ledger import Columns, Ledger
from .people import People
from .population import addresses
from .world import World

KEY = headers.REAL_ESTATE_TITLE[0]
SHARE, LEAST, MOST = 0.12, 1200, 1_000_000
"""Titles per person; a sheet has no room for more than MOST."""
MISSING = 2000
"""Persons not trusted in the population, or dead, whom titles name."""
FIRMS = 1000
"""Companies that own real estate."""
SEPARATORS = (";", "、", "；")
LAND_USES = (("城镇住宅用地", "零售商业用地", "商务金融用地", "工业用地"), (86, 7, 4, 3))
STATUSES = (("现势", "注销", "撤销"), (950, 45, 5))
FIRST_DAY = date(2015, 3, 1)
"""Since when real estate is registered in one register."""


def deliver(world: World, entries: Ledger) -> Columns:
    """The whole register, the repeated rows last."""
    people = world.people
    size = min(MOST, max(LEAST, round(SHARE * len(people))))
    rng = np.random.default_rng([people.seed, 30])
    holders = _holders(rng, world.adults, size)
    groups = {"sole": holders[:, 1] < 0, "shared": holders[:, 1] >= 0}
    kinds = real_estate_title_kinds.kinds(people.places, _missing(world), _dead(world), _firms(rng, world))
    plan = ledger.plan(np.random.default_rng([people.seed, 31]), size, kinds, groups)
    columns, repeated = ledger.spoil(render(rng, people, holders, world.request.as_of), 0, plan, entries, KEY)
    return ledger.appended(columns, repeated)


def _missing(world: World) -> list[tuple[str, str]]:
    """Numbers and names of persons not trusted in the population."""
    return _named(world, world.lost_people[:MISSING])


def _dead(world: World) -> list[tuple[str, str]]:
    """Numbers and names of persons the population knows to be dead."""
    return _named(world, world.dead[:MISSING])


def _named(world: World, rows: np.ndarray) -> list[tuple[str, str]]:
    return list(zip(world.people.numbers(rows).to_pylist(), world.people.names(rows).to_pylist(), strict=True))


def _firms(rng: np.random.Generator, world: World) -> list[tuple[str, str]]:
    """Codes and names of companies that own real estate."""
    rows = pa.array(np.sort(rng.choice(world.sound_companies, min(FIRMS, len(world.sound_companies)), replace=False)))
    return list(zip(world.companies.codes.take(rows).to_pylist(), world.companies.names.take(rows).to_pylist(), strict=True))


def _holders(rng: np.random.Generator, owners: np.ndarray, size: int) -> np.ndarray:
    """Persons by title, shape (size, 3), -1 = none: two in three titles have one holder, few have three."""
    holders = rng.choice(owners, (size, 3))
    count = 1 + draw(rng, (("1", "2", "3"), (66, 30, 4)), size)
    holders[np.arange(3)[None, :] >= count[:, None]] = -1
    same = (holders[:, 0] == holders[:, 1]) | ((holders[:, 2] >= 0) & ((holders[:, 2] == holders[:, 0]) | (holders[:, 2] == holders[:, 1])))
    holders[same, 1:] = -1
    return holders


def render(rng: np.random.Generator, people: People, holders: np.ndarray, as_of: date) -> Columns:
    """Clean columns, one title a row, held by persons."""
    size, places, latest = len(holders), people.places, day(as_of) - 1
    county = rng.choice(len(places.counties), size, p=places.shares)
    registered = day(FIRST_DAY) + rng.integers(0, latest - day(FIRST_DAY), size)
    shared = holders[:, 1] >= 0
    separator = pick(SEPARATORS, rng.integers(0, len(SEPARATORS), size))
    place = addresses(rng, pick(places.full_names, county), size)
    return {
        "不动产权证号": _title_numbers(registered, [one.city for one in places.counties], county),
        "不动产单元号": _unit_numbers(places.county_numbers[county]),
        "权利人": _listed(people.names, holders, separator),
        "证件号码": _listed(people.numbers, holders, separator),
        "共有情况": pick(("单独所有", "共同共有", "按份共有"), np.where(shared, 1 + (rng.random(size) < 0.2), 0)),
        "权利类型": pick(("国有建设用地使用权/房屋所有权", "宅基地使用权/房屋所有权"), (rng.random(size) < 0.12).astype(np.int8)),
        "坐落": place,
        "区划": pick(places.codes, county),
        "面积": _areas(rng, size),
        "用途": pick(LAND_USES[0], draw(rng, LAND_USES, size)),
        "登记日期": dates(registered),
        "使用期限止": pc.if_else(pa.array(rng.random(size) < 0.8), dates(registered + 40 * 365 + 10), pa.scalar(None, pa.string())),
        "登记机构": pick(places.organ_names("natural_resources"), county),
        "登记机构代码": pick(places.organs("natural_resources"), county),
        "权利状态": pick(STATUSES[0], draw(rng, STATUSES, size)),
    }


def _listed(written, holders: np.ndarray, separator: pa.Array) -> pa.Array:
    """Names or numbers of up to three holders in one cell."""
    cell = written(holders[:, 0])
    for place in (1, 2):
        present = pa.array(holders[:, place] >= 0)
        cell = join(cell, pc.if_else(present, join(separator, written(np.maximum(holders[:, place], 0))), ""))
    return cell


def _title_numbers(registered: np.ndarray, cities: list[str], county: np.ndarray) -> pa.Array:
    serial = strings(digits(np.arange(1, len(county) + 1), 7))
    return join("样（", dates(registered, "%Y"), "）", pick(cities, county), "不动产权第", serial, "号")


def _unit_numbers(divisions: np.ndarray) -> pa.Array:
    """28 characters: cadastral parcel (division, district, sub-district, GB, serial), F, building and flat."""
    serial = np.arange(1, len(divisions) + 1)
    parcel = join(strings(digits(divisions, 6)), "001", strings(digits(serial // 90_000 + 1, 3)), "GB", strings(digits(serial % 90_000, 5)))
    return join(parcel, "F", strings(digits(serial % 9_000 + 1, 4)), strings(digits(serial % 97 + 1, 4)))


def _areas(rng: np.random.Generator, size: int) -> pa.Array:
    """Square metres with two decimals."""
    hundredths = np.clip(rng.lognormal(9.2, 0.45, size), 1_200, 900_000).astype(np.int64)
    return join(pc.cast(pa.array(hundredths // 100), pa.string()), ".", strings(digits(hundredths % 100, 2)))


def write(path: Path, columns: Columns) -> None:
    """Write a new workbook. Raises FileExistsError."""
    batches = pa.table({header: columns[header] for header in headers.REAL_ESTATE_TITLE}).to_batches(max_chunksize=20_000)
    rows = (row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    workbook.write(path, headers.REAL_ESTATE_TITLE, rows)
