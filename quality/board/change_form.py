"""The form of a change: what may be changed of a rule, of a resource's weights or of its limits, and the edits a filled form makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalogs.changes import LIMIT, OFF, RULE, SEVERITY, WEIGHT, Edit, current, lock, rule_of, value
from catalogs.model import Catalog, Limits
from quality.board.words import LIMITS, SEVERITIES, THRESHOLDS
from quality.board.words import msgid as _

WEIGHTS, GATE = "weights", "limits"
"""Targets beside the rules' ids."""
LEVELS = {**SEVERITIES, OFF: _("停用")}


@dataclass(frozen=True)
class Field:
    """One value of the form. `now`: what counts; `files`: what the catalogue's files say; `said`: what was filled in."""

    edit: Edit
    title: str
    kind: str
    now: object
    files: object
    said: str
    options: Sequence[tuple[str, str]] = ()
    least: float | None = None
    most: float | None = None

    @property
    def name(self) -> str:
        return ".".join(part for part in (self.edit.of, self.edit.name, self.edit.what) if part)

    @property
    def told(self) -> str:
        return shown(self.edit, self.now)


@dataclass(frozen=True)
class Form:
    """`locked`: why nobody may change the target."""

    resource: str
    target: str
    title: str
    fields: Sequence[Field]
    locked: str | None = None


def targets(catalog: Catalog, resource_id: str) -> list[tuple[str, str]]:
    """(target, title) of everything of a resource that a form is made for."""
    rules = [(rule.id, f"{rule.sentence or rule.id}（{rule.id}）") for rule in catalog.rules[resource_id]]
    return [(WEIGHTS, _("各指标的权重")), (GATE, _("批次拦截的门限")), *rules]


def form(catalog: Catalog, standing: Sequence[Edit], resource_id: str, target: str, given: Mapping[str, str] | None = None) -> Form | None:
    """The target's form, filled with what counts now or what was given; None for no such target."""
    if target == WEIGHTS:
        policy = catalog.changes.weights
        places = [(Edit(WEIGHT, code, "", 0), f"{code} {one.title}", policy.least, policy.most) for code, one in catalog.indicators.items()]
        return Form(resource_id, target, _("各指标的权重"), [_number(catalog, standing, resource_id, given, *one) for one in places])
    if target == GATE:
        places = [(Edit(LIMIT, name, "", 0), LIMITS[name], one.least, one.most) for name, one in catalog.changes.limits.items()]
        return Form(resource_id, target, _("批次拦截的门限"), [_number(catalog, standing, resource_id, given, *one) for one in places])
    rule = rule_of(catalog, resource_id, target)
    if rule is None:
        return None
    level = _field(catalog, standing, resource_id, given, Edit(RULE, rule.id, SEVERITY, ""), _("处置"), "select", list(LEVELS.items()))
    names = [name for name in catalog.changes.thresholds.get(rule.check, ()) if name in rule.params]
    bounds = [
        _field(catalog, standing, resource_id, given, Edit(RULE, rule.id, name, ""), THRESHOLDS[name], _kind(rule.params[name]))
        for name in names
    ]
    return Form(resource_id, target, rule.sentence or rule.id, [level, *bounds], lock(catalog, rule))


def _kind(said: object) -> str:
    return "date" if isinstance(said, str) else "number"


def _number(
    catalog: Catalog, standing: Sequence[Edit], resource_id: str, given: Mapping[str, str] | None, edit: Edit, title: str,
    least: float, most: float,
) -> Field:  # fmt: skip
    return _field(catalog, standing, resource_id, given, edit, title, "number", least=least, most=most)


def _field(
    catalog: Catalog, standing: Sequence[Edit], resource_id: str, given: Mapping[str, str] | None, edit: Edit, title: str, kind: str,
    options: Sequence[tuple[str, str]] = (), least: float | None = None, most: float | None = None,
) -> Field:  # fmt: skip
    now = current(catalog, resource_id, edit, standing)
    empty = Field(edit, title, kind, now, value(catalog, resource_id, edit), "", options, least, most)
    said = given.get(empty.name, "") if given is not None else plain(now)
    return Field(edit, title, kind, now, empty.files, said.strip(), options, least, most)


def edits(filled: Form) -> tuple[list[Edit], list[tuple[str, str]]]:
    """(edits of the values that differ from what counts now, faults as (field, sentence))."""
    found, faults = [], []
    for field in filled.fields:
        try:
            said = _read(field)
        except ValueError:
            faults.append((field.name, _("“{}”应填数字").format(field.title)))
            continue
        if said != field.now:
            found.append(Edit(field.edit.of, field.edit.name, field.edit.what, said))
    if not found and not faults:
        faults.append((filled.fields[0].name, _("没有任何变化：请至少改动一项")))
    return found, faults


def _read(field: Field) -> str | int | float:
    if field.kind != "number":
        return field.said
    said = float(field.said)
    whole = field.edit.of == LIMIT and isinstance(getattr(Limits(), field.edit.name), int)
    return int(said) if said.is_integer() and (whole or isinstance(field.now, int) or field.edit.of == RULE) else said


def plain(said: object) -> str:
    """A value as an input holds it."""
    return "" if said is None else f"{said:g}" if isinstance(said, float) else str(said)


def place(catalog: Catalog, edit: Edit) -> str:
    """What an edit is about, for people."""
    if edit.of == WEIGHT:
        indicator = catalog.indicators.get(edit.name)
        return _("权重 {}").format(f"{edit.name} {indicator.title}" if indicator else edit.name)
    if edit.of == LIMIT:
        return _("门限 {}").format(LIMITS.get(edit.name, edit.name))
    return f"{edit.name} {_('处置') if edit.what == SEVERITY else THRESHOLDS.get(edit.what, edit.what)}"


def shown(edit: Edit, said: object) -> str:
    """A value of an edit's place, for people."""
    if edit.what == SEVERITY:
        return LEVELS.get(str(said), str(said))
    return "—" if said is None else plain(said)


_REASONS = (
    (r"locked: (.*)", _("已锁定：{}")),
    (r"is so already", _("与现行值相同")),
    (r"the files were changed since it was proposed, propose it again", _("目录文件在提出后已修改，请重新提出")),
    (r"nothing is changed", _("没有任何变化")),
    (r".* is not between (.*) and (.*)", _("应在 {} 与 {} 之间")),
    (r"must be a whole number", _("应填整数")),
    (r"must be a number", _("应填数字")),
    (r"is greater than max.*", _("下限大于上限")),
    (r".* is no date.*", _("不是有效日期")),
    (r".* is required, but no not_null rule judges it", _("这一字段必填，它的非空规则不能停用")),
)


def sentence(fault: str) -> str:
    """A fault of `catalogs.changes`, for people: the place as it is, the reason in Chinese where it has words."""
    where, _colon, reason = fault.rpartition(": ") if "locked: " not in fault else fault.partition(": ")
    for pattern, words in _REASONS:
        if found := re.fullmatch(pattern, reason or fault):
            told = words.format(*found.groups())
            return _("{}：{}").format(where, told) if where else told
    return _("目录校验不通过：{}").format(fault)
