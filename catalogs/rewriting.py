"""Edits written into the text of a catalogue's files, touching nothing else: comments, order and spacing stay, so a diff shows the edits.

Places are found by the YAML parser's own marks. Weights get the next version number.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from .changes import LIMIT, OFF, RULE, WEIGHT, Edit

Span = tuple[int, int, str]
"""From, to, and what stands there instead."""


def rewritten(root: Path, edits: Mapping[str, Sequence[Edit]]) -> dict[str, str]:
    """Path relative to the root → its new text, for files that change. `edits` by resource. Raises KeyError for a place no file has."""
    found: dict[str, str] = {}
    weights = {resource: own for resource, given in edits.items() if (own := [one for one in given if one.of == WEIGHT])}
    for resource, given in edits.items():
        for name, of, write in ((f"rules/{resource}.yaml", RULE, rules), (f"resources/{resource}.yaml", LIMIT, limits)):
            own = [one for one in given if one.of == of]
            if own:
                found[name] = write((root / name).read_text(encoding="utf-8"), own)
    if weights:
        found["weights.yaml"] = weigh((root / "weights.yaml").read_text(encoding="utf-8"), weights)
    return found


def difference(root: Path, files: Mapping[str, str]) -> str:
    """What changes, as `patch` takes it."""
    lines: list[str] = []
    for name, text in files.items():
        before = (root / name).read_text(encoding="utf-8").splitlines(keepends=True)
        lines += difflib.unified_diff(before, text.splitlines(keepends=True), f"a/catalogs/{name}", f"b/catalogs/{name}")
    return "".join(lines)


def rules(text: str, edits: Iterable[Edit]) -> str:
    """A file of rules with severities and thresholds changed, and rules that are off taken out."""
    items = _value(_root(text), "rules").value
    named = {_value(item, "id").value: at for at, item in enumerate(items)}
    spans = []
    for edit in edits:
        at = named[edit.name]
        if edit.value == OFF:
            spans.append(_cut(text, items, at))
        else:
            holder = items[at] if edit.what == "severity" else _value(items[at], "params")
            value = edit.value if edit.what == "severity" else _written(edit.value)
            spans.append(_instead(_value(holder, edit.what), str(value)))
    return _replaced(text, spans)


def limits(text: str, edits: Iterable[Edit]) -> str:
    """A resource's file with limits of the gate changed."""
    root, given = _root(text), {edit.name: edit.value for edit in edits}
    known = _entry(root, "limits")
    if known is None:
        before = next(key for key, _ in root.value if key.value == "coverage").start_mark.index
        return _replaced(text, [(before, before, f"limits: {_flow(given)}\n")])
    return _replaced(text, [_mapping(known, given)])


def weigh(text: str, edits: Mapping[str, Sequence[Edit]]) -> str:
    """The file of weights, under its next version. `edits` by resource."""
    root = _root(text)
    version, resources = _value(root, "version"), _value(root, "resources")
    year, _, number = version.value.partition(".")
    spans = [_instead(version, json.dumps(f"{year}.{int(number) + 1}"))]
    fresh = []
    for resource, own in edits.items():
        given = {edit.name: edit.value for edit in own}
        known = _entry(resources, resource)
        if known is None:
            fresh.append(f"\n  {resource}: {_flow(given)}")
        else:
            spans.append(_mapping(known, given))
    if fresh:
        end = _end(resources) if resources.value else resources.start_mark.index
        to = resources.end_mark.index if not resources.value else end
        spans.append((end, to, "".join(fresh)))
    return _replaced(text, spans)


def _root(text: str) -> yaml.MappingNode:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _entry(mapping: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in mapping.value if key.value == name), None)


def _value(mapping: yaml.MappingNode, name: str) -> yaml.Node:
    found = _entry(mapping, name)
    if found is None:
        raise KeyError(name)
    return found


def _instead(node: yaml.Node, text: str) -> Span:
    return node.start_mark.index, node.end_mark.index, text


def _end(node: yaml.Node) -> int:
    """Where a block really ends: its mark lies at whatever comes next."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    return node.end_mark.index


def _mapping(node: yaml.MappingNode, given: Mapping[str, object]) -> Span:
    """A small mapping with some values changed, on one line."""
    kept = {key.value: yaml.safe_load(value.value) for key, value in node.value}
    return node.start_mark.index, _end(node), _flow({**kept, **given})


def _flow(values: Mapping[str, object]) -> str:
    pairs = (f"{json.dumps(name) if name.isdigit() else name}: {_written(value)}" for name, value in values.items())
    return "{" + ", ".join(pairs) + "}"


def _written(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _cut(text: str, items: Sequence[yaml.Node], at: int) -> Span:
    """A rule's own lines; comments above the next rule are the next one's."""
    begins = _line_of(text, items[at].start_mark.index)
    ends = _line_of(text, items[at + 1].start_mark.index) if at + 1 < len(items) else len(text)
    lines = text[begins:ends].splitlines(keepends=True)
    while lines and lines[-1].lstrip().startswith("#"):
        ends -= len(lines.pop())
    return begins, ends, ""


def _line_of(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _replaced(text: str, spans: Iterable[Span]) -> str:
    return "".join(_pieces(text, sorted(spans)))


def _pieces(text: str, spans: Sequence[Span]) -> Iterator[str]:
    done = 0
    for begins, ends, instead in spans:
        yield text[done:begins] + instead
        done = ends
    yield text[done:]
