"""Loads the catalogue: `load()` gives the shipped one, `load(root)` another folder of the same shape.

Files are read each time (a few milliseconds, so that an edit is seen); building and checking happen once for each content.
Divisions and organs stay unread until asked: DAG files load the catalogue at parse time.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from . import documents as files
from . import validate
from .build import build
from .errors import CatalogError
from .model import Catalog

PACKAGE_ROOT = Path(__file__).resolve().parent


def load(root: Path | str | None = None) -> Catalog:
    """The checked catalogue under `root` (default: the one shipped with the package).

    Raises CatalogError listing every fault with file and key path.
    """
    folder = Path(root).resolve() if root is not None else PACKAGE_ROOT
    return _load(folder, files.version(folder))


@lru_cache(maxsize=8)
def _load(root: Path, version: str) -> Catalog:
    documents, faults = validate.check(root)
    if faults:
        raise CatalogError(faults)
    return build(documents, root, version)
