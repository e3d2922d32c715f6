"""The holder's word on a case: asked for on the phone, recorded at the window, or brought as a code, typed or scanned.

One field takes what is said (用证码) and what is shown (亮证码): a scanner types it and presses Enter.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from license_hub.api.budget import limited
from license_hub.api.licenses import not_usable
from license_hub.api.patience import in_time
from license_hub.api.serving import refused, request_id
from license_hub.errors import CaseNotOpen, CodeRefused, ConsentRefused, HubError, KeyReused, NotAllowed, NotAuthorized, OverBudget
from license_hub.service import consent, redeem, use_code
from license_hub.service.authenticate import Principal
from license_hub.web.desk import Desk, number_of, operator, to_case
from license_hub.web.desk_case import CASE, drawn, view
from license_hub.web.desk_license import Face, shown
from license_hub.web.pages import msgid

SHOWN = "MZT:"
"""What codes that holders show begin with."""
MOST = 300
WRONG = {
    "/by": msgid("不是本人办理的，请填写代为办理人的姓名、证件号码和依据；本人办理的不填。"),
    "/evidence": msgid("请选择看到的授权材料。"),
    "/relation": msgid("请选择办理人与持证人的关系。"),
    "/code": msgid("用证码不对，或已经用过，或已过期。请持证人重新生成。"),
    "/party": msgid("本办件没有这位当事人。"),
}
UNREADABLE = msgid("没有识别出用证码或亮证码，请重新扫码或输入。")


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.post(CASE + "/consent")
    async def word(request: Request, case: str) -> Response:
        principal, case_id = await desk.paying(request), number_of(case)
        filled = await request.form(max_files=0, max_fields=20)
        given = {name: str(value).strip() for name, value in filled.items()}
        try:
            await in_time(_record, desk, request, principal, case_id, given)
        except HubError as fault:
            return await _told(desk, request, principal, case_id, fault, "authorize")
        if given.get("how") != "window":
            return to_case(case_id, "asked")
        await desk.decide(request, principal, case_id)
        return to_case(case_id, "window")

    @made.post(CASE + "/code")
    async def code(request: Request, case: str) -> Response:
        principal, case_id = await desk.paying(request), number_of(case)
        text = str((await request.form(max_files=0, max_fields=5)).get("code", "")).strip("\r\n")
        if text.strip().upper().startswith(SHOWN):
            return await _scanned(desk, request, principal, case_id, text)
        typed = text.replace("-", "").strip()
        if not typed or len(text) > MOST:
            return await in_time(_again, desk, request, principal, case_id, UNREADABLE)
        try:
            await in_time(use_code.redeem, desk.hub, typed, case_id, operator(request), principal, request_id(request))
        except HubError as fault:
            return await _told(desk, request, principal, case_id, fault, "authorize")
        await desk.decide(request, principal, case_id)
        return to_case(case_id, "code")

    return made


def _record(desk: Desk, request: Request, principal: Principal, case_id: int, given: Mapping[str, str]) -> None:
    """Raises HubError."""
    text = {name: given.get(name, "")[:100] for name in ("party", "of", "how", "evidence", "relation", "name", "number", "right")}
    wanted = consent.Wanted(case_id, text["party"], text["of"], operator(request))
    once = desk.once(principal, f"POST /desk/cases/{case_id}/consent", given.get("once", ""), repr(sorted(text.items())))
    about = (principal, request_id(request), once)
    if text["how"] != "window":
        consent.ask(desk.hub, wanted, *about)
        return
    by = {name: text[name] for name in ("name", "number", "right")}
    if any(by.values()) and not all(by.values()):
        raise ConsentRefused("/by", "required", "name, number and right")
    seen = consent.Window(text["evidence"], text["relation"] or consent.SELF, by if any(by.values()) else None)
    consent.at_window(desk.hub, wanted, seen, *about)


async def _scanned(desk: Desk, request: Request, principal: Principal, case_id: int, text: str) -> Response:
    """The license that was shown, as far as a counter sees it: its verdict, and its masked fields on this open case."""
    found = await in_time(view, desk, principal, case_id)
    scan = redeem.Scan(principal, text[:MOST], found.case.matter, found.case.case_no, request_id(request))
    try:
        made = await in_time(redeem.redeem, desk.hub, scan)
    except (CodeRefused, CaseNotOpen, NotAuthorized, OverBudget) as fault:
        return await _told(desk, request, principal, case_id, fault, "scan")
    # What was shown is a basis on this case for a while.
    await desk.decide(request, principal, case_id)
    face = Face(made.identifier, made.type_id, made.fields, made.verdict, made.grade, True)
    return await in_time(lambda: shown(desk, request, view(desk, principal, case_id), face))


async def _told(desk: Desk, request: Request, principal: Principal, case_id: int, fault: HubError, action: str) -> Response:
    """A refusal: on record, and on the case's page in words. Raises HubError for what is no refusal."""
    if isinstance(fault, OverBudget):
        await refused(request, action, "RATE_LIMITED", actor=principal.client_id)
        raise limited(fault.seconds, desk.hub.budgets) from None
    if isinstance(fault, ConsentRefused):
        code, words, status = "INVALID_REQUEST", WRONG.get(fault.pointer, UNREADABLE), 422
    elif isinstance(fault, KeyReused):
        code, words, status = "KEY_REUSED", msgid("这张表已经提交过，请在刷新后的页面上再办理。"), 409
    elif isinstance(fault, CodeRefused | NotAllowed | CaseNotOpen | NotAuthorized):
        code = fault.problem if isinstance(fault, CodeRefused) else not_usable(fault).code
        message = desk.hub.catalog.messages[code]
        words, status = f"{message.sentence}{message.next_step}", 409
    else:
        raise fault
    await refused(request, action, code, actor=principal.client_id)
    return await in_time(_again, desk, request, principal, case_id, words, status)


def _again(desk: Desk, request: Request, principal: Principal, case_id: int, wrong: str, status: int = 422) -> Response:
    return drawn(desk, request, view(desk, principal, case_id), wrong=wrong, status=status)
