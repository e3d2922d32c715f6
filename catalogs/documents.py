"""Reads the catalogue's files: the one place that opens YAML.

- a folder or file name says the kind (`KINDS`); any other YAML file under a catalogue folder is a fault
- reading never stops at the first bad file: every fault is collected with file and place
- duplicate keys are faults (YAML parsers keep the last one silently)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import yaml

KINDS = {
    "departments": "department", "resources": "resource", "rules": "rules", "codes": "code_table", "license_types": "license_type",
    "matters": "matter",
    "messages.yaml": "messages", "glossary.yaml": "glossary", "organs.yaml": "organs",
    "indicators.yaml": "indicators", "weights.yaml": "weights", "workdays.yaml": "workdays", "tickets.yaml": "tickets",
    "access.yaml": "access", "changes.yaml": "changes", "promises.yaml": "promises",
    "elicense.yaml": "elicense",
}  # fmt: skip
"""Folder or file name at the root → kind of document (and name of its JSON Schema)."""

DIVISION_PACKAGE = "python-stdnum"
"""Its table of GB/T 2260 codes is part of the catalogue, so its version is part of the catalogue's version."""


@dataclass(frozen=True)
class Document:
    """One parsed file. `path` is relative to the catalogue's root."""

    kind: str
    path: str
    data: object


class _StrictLoader(yaml.CSafeLoader):
    """CSafeLoader (about nine times SafeLoader's speed) that refuses duplicate keys."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def files(root: Path) -> list[Path]:
    """Every file that defines the catalogue, in a stable order."""
    found = [root / name for name in KINDS if name.endswith(".yaml") and (root / name).is_file()]
    for folder in (name for name in KINDS if not name.endswith(".yaml")):
        found.extend(path for path in (root / folder).rglob("*") if path.suffix in (".yaml", ".yml", ".csv"))
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def version(root: Path) -> str:
    """SHA-256 over names and bytes of all catalogue files and the division package's version; 16 hex characters."""
    digest = hashlib.sha256(metadata.version(DIVISION_PACKAGE).encode())
    for path in files(root):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def read(root: Path) -> tuple[list[Document], list[str]]:
    """All documents that parse, and a fault `file:line: reason` for each that does not."""
    documents: list[Document] = []
    faults: list[str] = []
    for path in files(root):
        if path.suffix == ".csv":
            continue
        name = path.relative_to(root).as_posix()
        try:
            documents.append(Document(KINDS[name.split("/")[0]], name, yaml.load(path.read_bytes(), Loader=_StrictLoader)))  # noqa: S506
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            faults.append(f"{name}:{line}: not valid YAML: {error.problem}")
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            faults.append(f"{name}: not valid YAML: {type(error).__name__}")
    return documents, faults


def of_kind(documents: list[Document], kind: str) -> Iterator[Document]:
    return (document for document in documents if document.kind == kind)
