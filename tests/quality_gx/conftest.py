"""Great Expectations once for the session, and small outcome tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from quality import gx
from tests.browser.conftest import browser, screenshots  # noqa: F401 (fixtures)


@dataclass(frozen=True)
class Told:
    """One row of quality_outcome."""

    rule: str
    evaluated: int = 0
    failed: int = 0
    undefined: int = 0
    errored: int = 0
    skipped: int = 0


@pytest.fixture(scope="session")
def library():
    return gx.library()


@pytest.fixture(scope="session")
def docs(library):
    """`quality.gx_docs`, which imports Great Expectations at its top."""
    from quality import gx_docs

    return gx_docs


@pytest.fixture
def told() -> Callable[..., list[Told]]:
    """Outcomes for a list of rules: all clean but for the named ones."""

    def make(rules, **changed: Told) -> list[Told]:
        return [changed.get(rule.id, Told(rule.id, evaluated=100)) for rule in rules]

    return make


@pytest.fixture
def folder(tmp_path: Path, library) -> Path:
    return tmp_path / "quality"
