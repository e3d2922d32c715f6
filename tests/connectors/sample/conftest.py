"""One small generated province for every test of the generator."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from connectors.sample.generate import generate
from connectors.sample.world import Request

AS_OF = date(2026, 11, 21)
REQUEST = Request(persons=2000, seed=7, as_of=AS_OF)


@pytest.fixture(scope="session")
def delivered(tmp_path_factory) -> Path:
    """Folder of a first delivery."""
    out = tmp_path_factory.mktemp("province")
    generate(out, REQUEST)
    return out


@pytest.fixture(scope="session")
def truth(delivered) -> dict:
    return json.loads((delivered / "truth.json").read_text(encoding="utf-8"))
