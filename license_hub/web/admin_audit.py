"""`/admin/audit`: the audit log for auditors: searched, taken away as CSV, each entry with the proof that the log has it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from catalogs import matter_lists
from catalogs.spreadsheets import inert
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id
from license_hub.domain.lifecycle import SHANGHAI
from license_hub.service import register_client, search_audit
from license_hub.service.access_log import prove_entry
from license_hub.service.hub import Hub
from license_hub.service.list_audit import AuditEntry
from license_hub.service.note_act import note
from license_hub.service.search_audit import PAGE, Wanted
from license_hub.signing.commitment import instant
from license_hub.web.admin_refusals import who
from license_hub.web.admin_words import ACTIONS, Words
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

PATH = "/admin/audit"
PROOF = PATH + "/{seq}/proof"
MOST = 10_000
"""Entries of one export."""
DAYS = 7
"""Days back that are looked at where nobody says from when."""
COLUMNS = ("序号", "时间", "请求编号", "何人", "行为", "日志条目", "结果", "代码", "说明", "办件或文号")
LATE = msgid("日期不对：请按 2026-11-22 的样子填写，起日不晚于止日。")


def router(hub: Hub, pages: Pages) -> APIRouter:
    made, words = APIRouter(), Words(hub)

    @made.get(PATH)
    def audit(
        request: Request, since: str = "", until: str = "", actor: str = "", action: str = "", code: str = "", request_no: str = "",
        case_no: str = "", before: int | None = None, format: str = "html",
    ) -> Response:  # fmt: skip
        asked = {
            "since": since,
            "until": until,
            "actor": actor,
            "action": action,
            "code": code,
            "request_no": request_no,
            "case_no": case_no,
        }
        asked = {name: text.strip()[:200] for name, text in asked.items()}
        systems = {one.client_id: one.name for one in register_client.clients(hub)}
        given = {"asked": asked, "actions": ACTIONS, "words": words, "systems": systems, "who": lambda one: who(one, systems, hub)}
        try:
            wanted = wanted_of(hub, asked, before)
        except ValueError:
            return pages.render(request, "admin_audit.html", status=422, found=[], wrong=LATE, more="", export="", **given)
        filters = {name: text for name, text in asked.items() if text}
        if format == "csv":
            account = request.state.visit.account.account
            note(hub, request_id(request), account, "audit.export", filters)
            return csv(search_audit.search(hub, wanted, MOST), systems, hub)
        found = search_audit.search(hub, wanted, PAGE + 1)
        more = f"{PATH}?{urlencode(filters | {'before': found[PAGE - 1].seq})}" if len(found) > PAGE else ""
        export = f"{PATH}?{urlencode(filters | {'format': 'csv'})}"
        return pages.render(request, "admin_audit.html", found=found[:PAGE], wrong="", more=more, export=export, **given)

    @made.get(PROOF)
    def proof(request: Request, seq: int) -> Response:
        found = prove_entry(hub, seq)
        if found is None:
            raise Problem("NOT_PROVABLE")
        return JSONResponse(found, headers={"Content-Disposition": f'attachment; filename="audit-{seq}-proof.json"'})

    return made


def wanted_of(hub: Hub, asked: dict[str, str], before: int | None) -> Wanted:
    """Days are those of Shanghai, the last one included. Raises ValueError."""
    today = hub.now().astimezone(SHANGHAI).date()
    since = date.fromisoformat(asked["since"]) if asked["since"] else None
    until = date.fromisoformat(asked["until"]) if asked["until"] else None
    if since is None and not asked["request_no"] and not asked["case_no"]:
        since = (until or today) - timedelta(days=DAYS)
    if since and until and since > until:
        raise ValueError("since after until")
    start, end = midnight(since), midnight(until + timedelta(days=1) if until else None)
    return Wanted(start, end, asked["actor"], asked["action"], asked["code"], asked["request_no"].lower(), asked["case_no"], before)


def midnight(day: date | None) -> str:
    return instant(datetime.combine(day, time(), SHANGHAI)) if day else ""


def csv(found: list[AuditEntry], systems: dict[str, str], hub: Hub) -> Response:
    """With a mark by which spreadsheets know UTF-8; holders are in no column."""
    rows = []
    for one in found:
        values = (
            one.seq,
            one.at,
            one.request_id,
            who(one, systems, hub),
            one.action,
            one.entry,
            one.status,
            one.code,
            one.purpose,
            one.case_no,
        )
        cells = (inert("" if value is None else str(value)) for value in values)
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
    named = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response("\ufeff" + matter_lists.text(COLUMNS, rows), media_type="text/csv; charset=utf-8", headers=named)
