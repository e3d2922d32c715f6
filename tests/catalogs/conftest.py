"""A copy of the shipped catalogue that a test may spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalogs.documents import KINDS
from catalogs.load import PACKAGE_ROOT


@pytest.fixture
def root(tmp_path) -> Path:
    """The catalogue's data files, copied; code and schemas stay in the package."""
    target = tmp_path / "catalogs"
    target.mkdir()
    for name in KINDS:
        source = PACKAGE_ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target / name)
    return target


@pytest.fixture
def spoil(root) -> Callable[[str, str, str], Path]:
    """Replaces the first occurrence of a text in one file of the copy; the text must be there."""

    def change(name: str, old: str, new: str) -> Path:
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return root

    return change
