"""The market, establishment and civil-affairs departments' drops: one GB18030 CSV file a kind of legal entity."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import headers, ledger, legal_entity_kinds
from .columns import dates, day, draw, join, pick
from .companies import SECTORS, Companies, Sector
from .ledger import Columns, Ledger, Plan
from .people import People
from .population import addresses

KEY = headers.LEGAL_ENTITY[0]
STATUSES = (("存续", "注销", "吊销", "歇业", "迁出"), (920, 34, 22, 14, 10))
STANDING = ("存续", "歇业")


def plan(companies: Companies, people: People, sector: Sector, dead: np.ndarray) -> Plan:
    """Which rows of a sector carry which kind of dirt. `dead`: persons the population base trusts and knows to be dead."""
    rng = np.random.default_rng([people.seed, 11, int(sector.code)])
    rows = companies.of(sector)
    groups = {"bracketed": pc.match_substring(companies.names.take(pa.array(rows)), "（").to_numpy(zero_copy_only=False)}
    late = list(zip(people.numbers(dead).to_pylist(), people.names(dead).to_pylist(), strict=True))
    kinds = legal_entity_kinds.kinds(people.places, sector, late)
    return ledger.plan(rng, len(rows), kinds, groups)


def dirtied(clean: Columns, plan: Plan, entries: Ledger) -> Columns:
    """One sector's delivery, the repeated rows last."""
    columns, repeated = ledger.spoil(clean, 0, plan, entries, KEY)
    return ledger.appended(columns, repeated)


def render(companies: Companies, people: People, rows: np.ndarray, as_of: date) -> Columns:
    """Clean columns of some entities of one sector."""
    sector_at = int(companies.sector_at[rows[0]])
    sector = SECTORS[sector_at]
    rng = np.random.default_rng([people.seed, 12, sector_at])
    places, size, county = people.places, len(rows), companies.county_at[rows]
    index = pa.array(rows)
    heads = companies.head_at[rows]
    return {
        KEY: companies.codes.take(index),
        "单位名称": companies.names.take(index),
        "机构类型": pa.array([sector.label]).take(pa.array(np.zeros(size, dtype=np.int8))),
        "法定代表人": people.names(heads),
        "法定代表人证件号码": people.numbers(heads),
        "成立日期": dates(companies.established_on[rows]),
        "注册资本": _capital(rng, sector, size),
        "业务范围": _scope(rng, sector, companies.trades.take(index)),
        "登记区划": pick(places.codes, county),
        "住所": addresses(rng, pick(places.full_names, county), size),
        "登记机关": pick(places.organ_names(sector.office), county),
        "登记机关代码": pick(places.organs(sector.office), county),
        "有效期至": _valid_to(rng, sector, companies.approved_on[rows], day(as_of)),
        "登记状态": pick(STATUSES[0], draw(rng, STATUSES, size)),
        "核准日期": dates(companies.approved_on[rows]),
    }


def standing(companies: Companies, people: People, rows: np.ndarray, as_of: date) -> np.ndarray:
    """Which of these entities of one sector are registered as still there."""
    column = render(companies, people, rows, as_of)["登记状态"]
    return pc.is_in(column, pa.array(STANDING)).to_numpy(zero_copy_only=False)


def _capital(rng: np.random.Generator, sector: Sector, size: int) -> pa.Array:
    amounts = (("10", "50", "100", "200", "300", "500", "1000", "2000", "5000"), (8, 18, 30, 14, 8, 16, 10, 4, 2))
    units = (("万元人民币", "万元", "万人民币", "万美元"), (80, 14, 5, 1)) if sector.code == "1" else (("万元",), (1,))
    return join(pick(amounts[0], draw(rng, amounts, size)), pick(units[0], draw(rng, units, size)))


def _scope(rng: np.random.Generator, sector: Sector, trades: pa.Array) -> pa.Array:
    if sector.code != "1":
        return join("依照登记的宗旨开展活动", pick(("。", "，承办主管部门交办的其他事项。"), rng.integers(0, 2, len(trades))))
    tails = ("的技术服务、技术咨询。", "（依法须经批准的项目，经相关部门批准后方可开展经营活动）", "；货物进出口；信息咨询服务。")
    return join("许可项目：", trades, "；一般项目：", trades, pick(tails, rng.integers(0, 3, len(trades))))


def _valid_to(rng: np.random.Generator, sector: Sector, approved_on: np.ndarray, today: int) -> pa.Array:
    """Half the enterprises are registered for a term, the rest without end; the others' certificates last five years."""
    size = len(approved_on)
    if sector.code != "1":
        return dates(np.maximum(today + rng.integers(-60, 1766, size), approved_on + 30))
    term = pa.array(rng.random(size) < 0.5)
    return pc.if_else(term, dates(approved_on + 365 * rng.choice((20, 30, 50), size)), pa.scalar(None, pa.string()))
