"""Tables of a dry run: what would be otherwise, in rows and scores, by rule and by body."""

from __future__ import annotations

from catalogs.changes import OFF
from catalogs.model import Catalog
from quality.board.change_form import LEVELS
from quality.board.sheets import Cell, Column, Sheet
from quality.board.words import GATE
from quality.board.words import msgid as _
from quality.responsible import title
from quality.trial import Judged, Trial

FIGURES = (("read", _("读入")), ("trusted", _("可信")), ("quarantined", _("隔离")), ("superseded", _("取代")), ("warned", _("带提示")))


def sheets(catalog: Catalog, found: Trial) -> list[Sheet]:
    return [_whole(found), _rules(found), _by_body(catalog, found), _bodies(catalog, found)]


def stops(found: Trial) -> list[tuple[str, str]]:
    """(before or after, why the gate would stop the batch)."""
    sides = ((_("变更前"), found.before), (_("变更后"), found.after))
    return [(words, GATE.get(one.name, one.name)) for words, side in sides for one in side.findings]


def _whole(found: Trial) -> Sheet:
    sides = (found.before.tally, found.after.tally)
    rows = [{"what": words, **_pair(*(getattr(one, name) for one in sides))} for name, words in FIGURES]
    was, now = _score(found.before, None), _score(found.after, None)
    score = [{"what": _("得分"), "before": was, "after": now, "change": _change(round((now or 0) - (was or 0), 2))}]
    columns = [Column("what", _("项目")), Column("before", _("变更前"), "number"), Column("after", _("变更后"), "number")]
    return Sheet("whole", _("整批"), [*columns, Column("change", _("增减"))], [*rows, *score])


def _pair(before: int, after: int) -> dict[str, object]:
    return {"before": before, "after": after, "change": _change(after - before)}


def _change(by: float) -> str:
    return f"{by:+,}" if by else _("不变")


def _score(side: Judged, body) -> float | None:
    """Of a hundred."""
    said = side.score(body)
    return None if said is None else round(said * 100, 2)


def _rules(found: Trial) -> Sheet:
    rows = []
    for rule in found.rules:
        kept = [side.rules.get(rule) for side in (found.before, found.after)]
        failed = [side.outcomes[rule].failed if rule in side.outcomes else 0 for side in (found.before, found.after)]
        one = next(filter(None, kept))
        rows.append({
            "rule": Cell(one.sentence or rule, f"/quality/rules/{rule}"), "id": rule, **_pair(*failed),
            **{name: LEVELS[side.severity if side else OFF] for name, side in zip(("was", "now"), kept, strict=True)},
        })  # fmt: skip
    columns = [
        Column("rule", _("规则")), Column("id", _("编号"), "code"),
        Column("was", _("处置（前）"), "word"), Column("now", _("处置（后）"), "word"),
        Column("before", _("未通过（前）"), "number"), Column("after", _("未通过（后）"), "number"), Column("change", _("增减"), "word"),
    ]  # fmt: skip
    return Sheet("rules", _("按规则"), columns, rows, empty=_("没有规则的结果会变"))


def _by_body(catalog: Catalog, found: Trial) -> Sheet:
    rows = [
        {"rule": rule, "body": title(catalog, body.code), "division": body.division, **_pair(before, after)}
        for rule in found.rules
        for body, before, after in found.rows(rule)
    ]
    columns = [
        Column("rule", _("规则"), "code"), Column("body", _("责任单位")), Column("division", _("区划"), "code"),
        Column("before", _("未通过（前）"), "number"), Column("after", _("未通过（后）"), "number"), Column("change", _("增减"), "word"),
    ]  # fmt: skip
    return Sheet("rows", _("按规则和责任单位"), columns, rows, empty=_("没有记录违反这些规则"))


def _bodies(catalog: Catalog, found: Trial) -> Sheet:
    rows = [
        {
            "body": title(catalog, body.code), "division": body.division,
            **_pair(*(side.quarantined.get(body, 0) for side in (found.before, found.after))),
            "score_before": _score(found.before, body), "score_after": _score(found.after, body),
        }
        for body in found.bodies
    ]  # fmt: skip
    columns = [
        Column("body", _("责任单位")), Column("division", _("区划"), "code"), Column("before", _("隔离（前）"), "number"),
        Column("after", _("隔离（后）"), "number"), Column("change", _("增减"), "word"),
        Column("score_before", _("得分（前）"), "number"), Column("score_after", _("得分（后）"), "number"),
    ]  # fmt: skip
    return Sheet("bodies", _("按责任单位"), columns, rows, empty=_("各责任单位的隔离记录和得分都不变"))
