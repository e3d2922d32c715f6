"""Every fault of a catalogue at once, each with file and key path: `python -m catalogs check` prints them, `load` raises them.

Order: files that do not parse, then shapes (JSON Schema), then what names what (`catalogs.references`). References are judged only
among documents of good shape, so that one fault is not told twice.
"""

from __future__ import annotations

from pathlib import Path

from . import documents as files
from . import references, schema


def check(root: Path) -> tuple[list[files.Document], list[str]]:
    """The documents under `root` and all faults found."""
    documents, faults = files.read(root)
    sound = []
    for document in documents:
        found = list(schema.faults(document))
        faults.extend(found)
        if not found:
            sound.append(document)
    faults.extend(references.missing_files(documents, root))
    faults.extend(references.faults(sound, complete=not faults))
    return documents, faults
