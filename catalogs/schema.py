"""Judges documents against `schema/<kind>.json`: unknown keys, missing keys, wrong types and values, all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match, relevance

from .documents import Document

FOLDER = Path(__file__).resolve().parent / "schema"


def faults(document: Document) -> Iterator[str]:
    """`file: key.path: reason` for everything wrong in the document's shape."""
    # Nearly every document is right, and every process reads the catalogue: told forty times as fast, before jsonschema says what is wrong.
    if _accepting(document.kind).is_valid(document.data):
        return
    for error in sorted(_validator(document.kind).iter_errors(document.data), key=lambda one: (str(list(one.absolute_path)), one.message)):
        for leaf in _leaves(error):
            yield f"{document.path}: {place(leaf.absolute_path)}: {_reason(leaf)}"


def place(path) -> str:
    """A key path as people write it: fields[3].type; '(top)' for the document itself."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "(top)"


@cache
def _schema(kind: str) -> dict:
    return json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(_schema(kind))


@cache
def _accepting(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema(kind))


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Of alternatives (`oneOf`, `anyOf`) the faults of the branch that was meant: the one whose tag agrees, else the nearest."""
    if not error.context:
        yield error
        return
    branches: dict[int, list[ValidationError]] = {}
    for one in error.context:
        branches.setdefault(one.schema_path[0], []).append(one)
    meant = [branch for branch in branches.values() if not any(one.validator == "const" and one.path for one in branch)]
    if len(meant) == 1:
        for one in meant[0]:
            yield from _leaves(one)
        return
    yield best_match([error], key=relevance)


def _reason(error: ValidationError) -> str:
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = sorted(str(key) for key in error.instance if key not in known)
        return f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}"
    if error.validator == "maxItems" and error.validator_value == 0:
        return "must be empty here"
    text = error.message
    return text if len(text) <= 240 else text[:240] + "…"
