"""Drafts of matters written as files for `catalogs/matters`, in the order of keys people read them in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml


def write(folder: Path, drafts: Iterable[dict]) -> list[str]:
    """One new file a draft; returns their names. Raises FileExistsError and writes nothing where one is there already."""
    files = {folder / f"{one['id']}.yaml": one for one in drafts}
    there = [path.name for path in files if path.exists()]
    if there:
        raise FileExistsError(f"{', '.join(there)} in {folder} already; nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for path, one in files.items():
        with path.open("x", encoding="utf-8") as out:
            yaml.safe_dump(one, out, allow_unicode=True, sort_keys=False, width=140)
    return [path.name for path in files]
