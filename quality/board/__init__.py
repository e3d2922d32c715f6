"""Pages under `/quality`: from a falling score to the failing rows to a ticket at the body that can fix them.

Each module is a page or a few that belong together and has `router(around)`; what a page needs of the hub comes in as `Surroundings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from fastapi import APIRouter

from quality.board import (
    batch,
    bodies,
    bulletin,
    changes,
    framed,
    overview,
    quarantine,
    resource,
    rule,
    samples,
    ticket,
    ticket_row,
    tickets,
)
from quality.board.surroundings import Surroundings

TEMPLATES = Path(__file__).parent / "templates"

MODULES: Sequence[ModuleType] = (
    overview,
    resource,
    rule,
    batch,
    bulletin,
    quarantine,
    ticket,
    ticket_row,
    tickets,
    bodies,
    samples,
    changes,
    framed,
)
"""The pages, each a module with `router(around)`."""


def routers(around: Surroundings) -> list[APIRouter]:
    """Every page's routes. `catalogs/access.yaml` has a row for each of them."""
    pages: list[Callable[[Surroundings], APIRouter]] = [one.router for one in MODULES]
    return [made(around) for made in pages]
