"""Files a department drops into a folder: CSV, TSV, gzipped or not, and .xlsx.

- Only regular files directly in the folder are looked at; links are not followed, hidden and partial names are passed over.
- Each file is a delivery of its own, oldest first. A file is done if its bytes are those of the newest landed batch of its
  name: so the same name may come again with other content, and yesterday's content may come back.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from catalogs.model import Resource
from connectors import landing
from connectors.delimited import DelimitedFeed
from connectors.delivery import SIDECAR, Delivery, opened
from connectors.errors import ContractBroken, SourceUnavailable
from connectors.lake import Lake
from connectors.protocol import Feed
from connectors.settings import Credentials

STABLE_SECONDS = 0.5
_PASSED_OVER = (SIDECAR, ".part", ".tmp", ".filepart", ".crdownload")


@contextmanager
def feed(resource: Resource, path: Path, *, settle: bool = True, sleep: Callable[[float], None] = time.sleep) -> Iterator[Feed]:
    """The file as a feed. `settle` False skips the stable-size wait, for a file an operator names by hand."""
    options = resource.connector.options
    wait = float(options.get("stable_seconds", STABLE_SECONDS)) if settle else 0.0
    with opened(resource.id, path, stable_seconds=wait, sleep=sleep) as delivery:
        yield _feed(resource, delivery)


def pending(resource: Resource, lake: Lake | Path, credentials: Credentials) -> list[Path]:
    """Dropped files that were not landed yet, oldest first. Raises SourceUnavailable where the folder cannot be read."""
    folder = drop_folder(resource, credentials)
    done: dict[str, str | None] = {}
    for batch in landing.batches(lake, resource.id):
        done.setdefault(batch.manifest.source, batch.manifest.source_sha256)
    return [path for path in dropped(resource, folder) if path.name not in done or done[path.name] != _sha256(resource, path)]


def dropped(resource: Resource, folder: Path) -> list[Path]:
    """Regular files of the folder that match the resource's pattern, oldest first."""
    pattern = str(resource.connector.options["pattern"])
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_dropped(entry, pattern):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    except OSError as fault:
        raise SourceUnavailable(
            f"the drop folder cannot be read ({fault.strerror})", source=resource.id, hint="check the connection and the folder's rights"
        ) from None
    return [folder / name for _, name in sorted(found)]


def drop_folder(resource: Resource, credentials: Credentials) -> Path:
    """The folder of the resource's connection: a path or a file:// URL."""
    address = credentials.connection(str(resource.connector.options["connection"])).url
    parts = urlsplit(address)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ContractBroken("the connection is not a folder", source=resource.id, hint="give a path or file:///path")
    return Path(unquote(parts.path) if parts.scheme else address)


def _is_dropped(entry: os.DirEntry[str], pattern: str) -> bool:
    name = entry.name
    if name.startswith((".", "~$")) or name.endswith(_PASSED_OVER) or not fnmatch.fnmatchcase(name, pattern):
        return False
    return stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)


def _sha256(resource: Resource, path: Path) -> str:
    with opened(resource.id, path, stable_seconds=0, sleep=time.sleep) as delivery, delivery.reader() as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def _feed(resource: Resource, delivery: Delivery) -> Feed:
    if delivery.name.lower().endswith((".xlsx", ".xlsm")):
        # Only here: the library is not needed for text files.
        from connectors.sheet import SheetFeed

        return SheetFeed(delivery, resource.connector.options)
    return DelimitedFeed(resource, delivery, resource.connector.options)
