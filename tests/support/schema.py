"""Databases at the newest schema, migrated once a process and copied: 30 migrations in each of a thousand fresh databases took minutes.

Migrations themselves are tested on `empty_database_url`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from license_hub.storage.engine import open_engine
from license_hub.storage.upgrade import upgrade
from quality.store import upgrade as upgrade_quality


def migrate(url: str) -> None:
    """As `open_hub` does."""
    engine = open_engine(url)
    upgrade(engine)
    upgrade_quality(engine)
    engine.dispose()


@cache
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mzt-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    migrate(f"sqlite:///{folder}/hub.db")
    return folder / "hub.db"


def sqlite(path: Path) -> str:
    """URL of a fresh SQLite database at that path, unless there is one already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated(), path)
    return f"sqlite:///{path}"
