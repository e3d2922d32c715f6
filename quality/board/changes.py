"""`/quality/changes`: thresholds, severities and weights, tried on the last batch, proposed by one person and approved by another."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from catalogs.changes import Edit
from quality import changes, trial
from quality.board import change_form, change_trial, lists, sheets
from quality.board.change_form import Form
from quality.board.sheets import Cell, Column, Format, Sheet, link
from quality.board.surroundings import Surroundings
from quality.board.words import STANDINGS
from quality.board.words import msgid as _
from quality.changes import Act, Change, Standing
from quality.errors import ChangeRefused
from quality.store import upgrade
from quality.trial import Trial

PATH = "/quality/changes"
LONGEST = 500
"""Characters of a reason."""
TONES = {Standing.PROPOSED: "warn", Standing.ACTIVE: "passed", Standing.MERGED: "passed"}
_ONE_AT_A_TIME = Lock()
"""A dry run judges a whole batch twice: one a process."""


async def _filled(request: Request) -> Mapping[str, str]:
    return {name: str(value) for name, value in (await request.form()).items()}


Filled = Annotated[Mapping[str, str], Depends(_filled)]


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    upgrade(around.database)

    @made.get(PATH)
    def listed(request: Request, resource: str = "", standing: str = "", format: Format = "html", table: str = "") -> Response:
        return _list(around, request, resource, standing, format, table)

    @made.get(f"{PATH}/new")
    def new(request: Request, resource: str = "", target: str = "", rule: str = "") -> Response:
        return _new(around, request, resource, target or rule)

    @made.post(f"{PATH}/trial")
    def try_form(request: Request, given: Filled) -> Response:
        return _propose(around, request, given, only_try=True)

    @made.post(PATH)
    def propose(request: Request, given: Filled) -> Response:
        return _propose(around, request, given, only_try=False)

    @made.get(f"{PATH}/{{number}}")
    def one(request: Request, number: int) -> Response:
        return _one(around, request, number)

    @made.get(f"{PATH}/{{number}}/trial")
    def try_change(request: Request, number: int, batch: str = "", format: Format = "html", table: str = "") -> Response:
        return _tried(around, request, number, batch, format, table)

    @made.post(f"{PATH}/{{number}}/decision")
    def decide(request: Request, number: int, given: Filled) -> Response:
        return _decide(around, request, number, given)

    return made


def _list(around: Surroundings, request: Request, resource: str, standing: str, format: Format, table: str) -> Response:
    with around.database.connect() as connection:
        valid = changes.approved(connection)
        found = [(one, _standing(around, one, valid)) for one in changes.listed(connection, resource or None)]
    rows = [_line(around, one, stands) for one, stands in found if standing in ("", stands)]
    columns = [
        Column("number", _("编号")), Column("resource", _("数据资源")), Column("edits", _("内容")), Column("standing", _("状态"), "word"),
        Column("author", _("提出人"), "code"), Column("at", _("提出时间"), "instant"), Column("actor", _("审批人"), "code"),
        Column("decided_at", _("审批时间"), "instant"), Column("reason", _("理由")),
    ]  # fmt: skip
    made = Sheet("changes", _("变更记录"), columns, rows, empty=_("还没有变更"))
    fields = [
        {"name": "resource", "title": _("数据资源"), "value": resource, "options": [("", _("全部")), *_resources(around)]},
        {"name": "standing", "title": _("状态"), "value": standing, "options": [("", _("全部")), *STANDINGS.items()]},
    ]
    return sheets.answer([made], format, table, "changes") or around.render(
        request, "changes.html", sheet=made, fields=fields, links=sheets.exports(request.url, made)
    )


def _resources(around: Surroundings) -> list[tuple[str, str]]:
    return [(one.id, one.title) for one in around.catalog.resources.values()]


def _standing(around: Surroundings, one: Change, approved: list[Change]) -> Standing:
    return changes.standing(around.catalog, one, [other for other in approved if other.resource == one.resource])


def _line(around: Surroundings, one: Change, stands: Standing) -> dict[str, object]:
    decided = one.decided
    return {
        "number": Cell(str(one.number), f"{PATH}/{one.number}", label=_("变更 {}").format(one.number)),
        "resource": lists.named(around.catalog, one.resource), "edits": "；".join(_told(around, one)), "standing": STANDINGS[stands],
        "author": one.author, "at": one.at, "actor": decided.actor if decided else None,
        "decided_at": decided.at if decided else None, "reason": one.reason,
    }  # fmt: skip


def _told(around: Surroundings, one: Change) -> list[str]:
    return [
        f"{change_form.place(around.catalog, edit)} {change_form.shown(edit, was)} → {change_form.shown(edit, edit.value)}"
        for edit, was in zip(one.edits, one.was, strict=True)
    ]


def _may_act(around: Surroundings, request: Request) -> bool:
    policy = around.catalog.access.of("POST", PATH)
    return policy is not None and bool(policy.roles & around.person(request).roles)


def _standing_edits(around: Surroundings, connection: sa.Connection, resource: str) -> list[Edit]:
    return changes.edits_in_effect(around.catalog, connection).get(resource, [])


def _new(around: Surroundings, request: Request, resource: str, target: str, *, filled: Form | None = None, **more: object) -> Response:
    """The form, empty or as it was filled. Raises HTTPException for no such resource."""
    if resource and resource not in around.catalog.resources:
        raise HTTPException(404)
    shown, batches = filled, []
    if resource:
        with around.database.connect() as connection:
            if filled is None and target:
                shown = change_form.form(around.catalog, _standing_edits(around, connection, resource), resource, target)
            batches = trial.batches(connection, resource)
    options = change_form.targets(around.catalog, resource) if resource else []
    context = {"faults": [], "found": None, "tables": [], "stops": [], "reason": "", "batch": "", "status": 200, **more}
    return around.render(
        request, "change_new.html", resources=_resources(around), resource=resource, options=options, target=target, form=shown,
        batches=_choices(around, resource, batches), longest=LONGEST, **context,
    )  # fmt: skip


def _choices(around: Surroundings, resource_id: str, batches: list[sa.Row]) -> list[tuple[str, str]]:
    """(batch, its partition in words and time)."""
    if not batches:
        return []
    resource = around.catalog.resources[resource_id]
    field = resource.delivery.partition_field
    table = around.catalog.codes.get(resource.field(field).table or "") if field else None
    words = {one.partition: table.labels.get(one.partition, one.partition) if table else one.partition for one in batches}
    return [(one.batch, " · ".join(filter(None, (words[one.partition], sheets.text_of(one.as_of, "instant"))))) for one in batches]


def _propose(around: Surroundings, request: Request, given: Mapping[str, str], *, only_try: bool) -> Response:
    """Tries what the form says, or files it. What is wrong with it is told at the form."""
    resource, target, reason = given.get("resource", ""), given.get("target", ""), given.get("reason", "").strip()
    if resource not in around.catalog.resources:
        raise HTTPException(404)
    with around.database.connect() as connection:
        filled = change_form.form(around.catalog, _standing_edits(around, connection, resource), resource, target, given)
    if filled is None:
        raise HTTPException(404)
    kept = {"filled": filled, "reason": reason, "batch": given.get("batch", "")}
    edits, faults = change_form.edits(filled)
    if not only_try and not 0 < len(reason) <= LONGEST:
        faults.append(("reason", _("请写明理由，不超过 {} 字").format(LONGEST)))
    if faults:
        return _new(around, request, resource, target, faults=faults, status=422, **kept)
    try:
        if only_try:
            found = _try(around, resource, edits, given.get("batch", ""))
            return _new(around, request, resource, target, found=found, **_results(around, found), **kept)
        person = around.person(request)
        with around.database.begin() as connection:
            number = changes.propose(connection, around.catalog, resource, edits, author=person.account, reason=reason, now=around.now())
    except ChangeRefused as refused:
        told = [(filled.fields[0].name, change_form.sentence(one)) for one in refused.faults] or [
            (filled.fields[0].name, _refusal(refused))
        ]
        return _new(around, request, resource, target, faults=told, status=422, **kept)
    return RedirectResponse(f"{PATH}/{number}", 303)


def _try(around: Surroundings, resource: str, edits: list[Edit], batch: str) -> Trial:
    """Raises ChangeRefused, HTTPException while another dry run is under way."""
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise HTTPException(503, headers={"Retry-After": "30"})
    try:
        return trial.try_out(around.catalog, resource, edits, lake=around.lake, database=around.database, batch=batch or None)
    finally:
        _ONE_AT_A_TIME.release()


def _results(around: Surroundings, found: Trial) -> dict[str, object]:
    return {"tables": change_trial.sheets(around.catalog, found), "stops": change_trial.stops(found)}


def _refusal(refused: ChangeRefused) -> str:
    return _("还没有可供试运行的批次") if "check" in str(refused) else _("这项变更现在不能这样办理，请刷新后再看")


def _get(around: Surroundings, number: int) -> tuple[Change, Standing]:
    """Raises HTTPException for no such change."""
    with around.database.connect() as connection:
        try:
            one = changes.get(connection, number)
        except ChangeRefused:
            raise HTTPException(404) from None
        return one, _standing(around, one, changes.approved(connection))


def _one(around: Surroundings, request: Request, number: int, *, fault: str = "", reason: str = "", status: int = 200) -> Response:
    one, stands = _get(around, number)
    person = around.person(request)
    own = person.account.casefold() == one.author.casefold()
    rows = [
        {"place": change_form.place(around.catalog, edit), "was": change_form.shown(edit, was), "now": change_form.shown(edit, edit.value)}
        for edit, was in zip(one.edits, one.was, strict=True)
    ]
    columns = [Column("place", _("内容")), Column("was", _("原值"), "word"), Column("now", _("新值"), "word")]
    with around.database.connect() as connection:
        batches = trial.batches(connection, one.resource) if one.resource in around.catalog.resources else []
    return around.render(
        request, "change.html", status=status, change=one, standing=STANDINGS[stands], tone=TONES.get(stands, "skipped"),
        edits=Sheet("edits", _("变更内容"), columns, rows), facts=_facts(around, one), fault=fault, reason=reason, longest=LONGEST,
        decidable=one.decided is None and _may_act(around, request), own=own, batches=_choices(around, one.resource, batches),
    )  # fmt: skip


def _facts(around: Surroundings, one: Change) -> list[tuple[str, str, str]]:
    found = [
        (_("数据资源"), lists.named(around.catalog, one.resource), f"/quality/resources/{one.resource}"),
        (_("提出人"), one.author, ""),
        (_("提出时间"), sheets.text_of(one.at, "instant"), ""),
        (_("理由"), one.reason, ""),
    ]
    if one.decided:
        words = {Act.APPROVE: _("批准"), Act.REFUSE: _("不批准"), Act.WITHDRAW: _("撤回")}[one.decided.act]
        found += [(_("办理"), f"{words} · {one.decided.actor} · {sheets.text_of(one.decided.at, 'instant')}", ""),
                  (_("办理意见"), one.decided.reason, "")]  # fmt: skip
    return found


def _tried(around: Surroundings, request: Request, number: int, batch: str, format: Format, table: str) -> Response:
    one, _stands = _get(around, number)
    try:
        found = _try(around, one.resource, list(one.edits), batch)
    except ChangeRefused as refused:
        told = change_form.sentence(refused.faults[0]) if refused.faults else _refusal(refused)
        return _one(around, request, number, fault=told, status=409)
    results = _results(around, found)
    links = {made.name: sheets.exports(request.url, made) for made in results["tables"]}
    return sheets.answer(results["tables"], format, table, f"change-{number}") or around.render(
        request, "change_trial.html", change=one, found=found, links=links, back=link(f"{PATH}/{number}"), **results
    )


def _decide(around: Surroundings, request: Request, number: int, given: Mapping[str, str]) -> Response:
    one, _stands = _get(around, number)
    person, reason, act = around.person(request), given.get("reason", "").strip(), given.get("act", "")
    if act not in set(Act):
        raise HTTPException(422)
    fault = ""
    if not 0 < len(reason) <= LONGEST:
        fault = _("请写明办理意见，不超过 {} 字").format(LONGEST)
    elif act != Act.WITHDRAW and person.account.casefold() == one.author.casefold():
        fault = _("提出人不能办理自己的变更：须由另一人批准或不批准")
    if fault:
        return _one(around, request, number, fault=fault, reason=reason, status=422)
    try:
        with around.database.begin() as connection:
            changes.decide(connection, around.catalog, number, Act(act), actor=person.account, reason=reason, now=around.now())
    except ChangeRefused as refused:
        told = change_form.sentence(refused.faults[0]) if refused.faults else _refusal(refused)
        return _one(around, request, number, fault=told, reason=reason, status=409)
    return RedirectResponse(f"{PATH}/{number}", 303)
