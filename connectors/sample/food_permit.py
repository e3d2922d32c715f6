"""The market regulator's food permits: one JSON object a line, served in pages by `permit_api`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import checkdigits, food_permit_kinds, headers, ledger, vocabulary
from .columns import dates, day, digits, draw, join, pick, strings
from .companies import Companies
from .ledger import Columns, Ledger
from .people import People
from .population import addresses, clock
from .world import World

KEY = headers.FOOD_PERMIT[0]
SHARE, LEAST = 0.04, 1000
"""Permits per person."""
FORMS = ("食品销售经营者", "餐饮服务经营者", "单位食堂")
CANTEEN = 2
ITEMS = (
    ("预包装食品销售", "散装食品销售", "预包装食品（含冷藏冷冻食品）销售"),
    ("热食类食品制售", "热食类食品制售，冷食类食品制售", "糕点类食品制售，自制饮品制售"),
    ("热食类食品制售（食堂）", "热食类食品制售，糕点类食品制售（食堂）", "热食类食品制售，自制饮品制售（食堂）"),
)
"""By form of business."""
STATUSES = (("有效", "暂扣", "注销", "吊销", "撤销"), (935, 8, 38, 14, 5))
VALID, CANCELLED = 0, 2
FIRST_DAY = date(2015, 10, 1)
"""Since when there are food operation permits."""


def deliver(world: World, entries: Ledger) -> Columns:
    """The whole set of permits, the repeated rows last."""
    people, companies = world.people, world.companies
    size = max(LEAST, round(SHARE * len(people)))
    rng = np.random.default_rng([people.seed, 20])
    index = pa.array(world.lost_companies)
    missing = list(zip(companies.codes.take(index).to_pylist(), companies.names.take(index).to_pylist(), strict=True))
    kinds = food_permit_kinds.kinds(missing, _struck_off(world))
    plan = ledger.plan(np.random.default_rng([people.seed, 21]), size, kinds, {})
    operators = rng.choice(_operators(companies, world.sound_companies), size)
    clean = render(rng, companies, operators, people, world.request.as_of, world.standing[operators])
    columns, repeated = ledger.spoil(clean, 0, plan, entries, KEY)
    return ledger.appended(columns, repeated)


def _struck_off(world: World) -> list[tuple[str, str, str]]:
    """Codes, names and heads of entities the base trusts and knows to be no more."""
    rows = world.sound_companies[~world.standing[world.sound_companies]]
    heads = world.people.names(world.companies.head_at[rows])
    index = pa.array(rows)
    columns = (world.companies.codes.take(index), world.companies.names.take(index), heads)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def render(
    rng: np.random.Generator, companies: Companies, operators: np.ndarray, people: People, as_of: date, standing: np.ndarray
) -> Columns:
    """Clean columns, one permit an operator; who is no more (`standing` says who is) has no valid permit."""
    size, places, county = len(operators), people.places, companies.county_at[operators]
    form = np.where(companies.sector_at[operators] == 0, rng.integers(0, CANTEEN, size), CANTEEN)
    latest = day(as_of) - 2
    first = np.maximum(np.maximum(companies.established_on[operators], latest - 2100), day(FIRST_DAY))
    issued = first + ((latest - first) * rng.random(size)).astype(np.int64)
    district = pick(places.full_names, county)
    return {
        "许可证编号": strings(_numbers(form, places.county_numbers[county])),
        "经营者名称": companies.names.take(pa.array(operators)),
        "统一社会信用代码": companies.codes.take(pa.array(operators)),
        "法定代表人": people.names(companies.head_at[operators]),
        "经营场所": join(addresses(rng, district, size), pick(vocabulary.DISHES[0], draw(rng, vocabulary.DISHES, size))),
        "主体业态": pick(FORMS, form),
        "经营项目": pick([item for items in ITEMS for item in items], form * 3 + rng.integers(0, 3, size)),
        "发证机关": pick(places.organ_names("market"), county),
        "发证机关代码": pick(places.organs("market"), county),
        "签发日期": dates(issued),
        "有效期至": dates(issued + 5 * 365),
        "许可状态": pick(STATUSES[0], _statuses(rng, standing)),
        "更新时间": join(dates(issued + 1), " ", clock(rng, size)),
    }


def _statuses(rng: np.random.Generator, standing: np.ndarray) -> np.ndarray:
    drawn = draw(rng, STATUSES, len(standing))
    return np.where((drawn == VALID) & ~standing, CANCELLED, drawn)


def _operators(companies: Companies, sound: np.ndarray) -> np.ndarray:
    """Who needs a permit: enterprises that deal in food, institutions and associations with a canteen."""
    trade = pc.is_in(companies.trades, pa.array(vocabulary.FOOD_TRADES)).to_numpy(zero_copy_only=False)
    return sound[trade[sound] | (companies.sector_at[sound] != 0)]


def _numbers(form: np.ndarray, divisions: np.ndarray) -> np.ndarray:
    """JY, form of business, division, serial number, check digit."""
    body = np.hstack([digits(form + 1, 1), digits(divisions, 6), digits(np.arange(1, len(form) + 1), 6)])
    mark = np.broadcast_to(np.frombuffer(b"JY", dtype=np.uint8), (len(form), 2))
    return np.hstack([mark, body, checkdigits.permit(body)[:, None]])


def write(path: Path, columns: Columns, order: Sequence[str] = headers.FOOD_PERMIT) -> None:
    """Write a new file, one permit a line. Raises FileExistsError."""
    with path.open("x", encoding="utf-8") as out:
        for batch in pa.table({header: columns[header] for header in order}).to_batches(max_chunksize=20_000):
            out.writelines(f"{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}\n" for row in batch.to_pylist())
