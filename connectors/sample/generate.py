"""Generates the sample departments' first delivery and the truth about it.

| file | what | how it is delivered |
|---|---|---|
| population.db | table `population` | database |
| legal_entity_*.csv | three GB18030 files, one a partition | file drop |
| food_permit.jsonl | served by `connectors.sample.permit_api` | paged HTTP API |
| real_estate_title.xlsx | one sheet | file drop |
| truth.json | what the pipeline must report | |

The same persons, seed and day give the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import csv_drop, food_permit, headers, legal_entity, population, real_estate_title, truth
from .companies import SECTORS
from .ledger import Ledger
from .world import Request, World, imagine

POPULATION, PERMITS, TITLES, TRUTH = "population.db", "food_permit.jsonl", "real_estate_title.xlsx", "truth.json"


def generate(out: Path, request: Request) -> dict[str, object]:
    """Write the departments into a folder and return the truth. Raises FileExistsError, ValueError for too few persons."""
    world = imagine(request)
    out.mkdir(parents=True, exist_ok=True)
    persons, permits, titles = Ledger(), Ledger(), Ledger()
    population.write(out / POPULATION, population.chunks(world.people, world.register, persons, request.as_of))
    sectors = _drops(out, world)
    food_permit.write(out / PERMITS, food_permit.deliver(world, permits))
    real_estate_title.write(out / TITLES, real_estate_title.deliver(world, titles))
    whole = {"generated": about(request), **truth.whole(persons, sectors, permits, titles)}
    record(out / TRUTH, whole)
    return whole


def about(request: Request) -> dict[str, object]:
    return {"persons": request.persons, "seed": request.seed, "as_of": request.as_of.isoformat()}


def record(path: Path, whole: dict[str, object]) -> None:
    """Write a truth file. Raises FileExistsError."""
    with path.open("x", encoding="utf-8") as out:
        json.dump(whole, out, ensure_ascii=False, indent=1, sort_keys=True)
        out.write("\n")


def _drops(out: Path, world: World) -> dict[str, Ledger]:
    """Write the legal-entity drops; returns their ledgers by sector."""
    ledgers: dict[str, Ledger] = {}
    for sector in SECTORS:
        entries = ledgers[sector.label] = Ledger()
        clean = legal_entity.render(world.companies, world.people, world.companies.of(sector), world.request.as_of)
        columns = legal_entity.dirtied(clean, world.drops[sector.label], entries)
        csv_drop.write(out / sector.file_name, headers.LEGAL_ENTITY, columns)
    return ledgers
