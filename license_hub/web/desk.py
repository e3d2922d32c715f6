"""`/desk` for case handlers 受理人员: their open cases, opening one. Everything is done as the desk client of the visitor's body.

Plain forms that answer with a redirect to the case's page; where scripts run, htmx fetches the same pages and takes `#main` out of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Form as Field
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from catalogs.matter import Matter
from license_hub.api.access import within_budget
from license_hub.api.budget import limited
from license_hub.api.cases import CaseIn
from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.api.serving import refused, request_id, serving
from license_hub.domain.holder import CITIZEN, CODE_TYPES, CREDIT_CODE, PASSPORT, code_type
from license_hub.domain.lifecycle import shanghai_date
from license_hub.errors import CaseNotOpen, CaseRefused, CaseTaken, HubError, KeyReused, NoDesk, NoSuchCase, OverBudget
from license_hub.service import desk_cases, desk_client
from license_hub.service.authenticate import Principal
from license_hub.service.content import holder_form
from license_hub.service.decide_case import Asked
from license_hub.service.desk_client import SCOPES
from license_hub.service.hub import Hub
from license_hub.service.open_case import Applicant, Opening, open_case
from license_hub.storage.cases import CLOSED, OPEN
from license_hub.storage.idempotency import Call, call_of
from license_hub.web.desk_words import Words
from license_hub.web.pages import msgid
from license_hub.web.staff import Pages

HOME, NEW, CASES = "/desk", "/desk/new", "/desk/cases"
WORK = SCOPES[0]
KNOWN = frozenset({CREDIT_CODE, CITIZEN, PASSPORT})
"""Types a number is known by; of a mistyped one nothing would be found, and nobody would know why."""


@dataclass(frozen=True)
class Desk:
    """What the pages share: the hub, the frame, and as whom a visitor acts."""

    hub: Hub
    pages: Pages

    def acting(self, request: Request, scope: str = WORK) -> Principal:
        """The desk client of the visitor's body, with what it may at this moment. Raises Problem."""
        try:
            principal, _client = desk_client.acting_for(self.hub, request.state.visit.account.body)
        except NoDesk:
            raise Problem("DESK_CLOSED") from None
        if scope not in principal.scopes:
            raise Problem("DESK_CLOSED")
        return principal

    async def paying(self, request: Request, scope: str = WORK) -> Principal:
        """The same for what has an effect or looks at something: one call of the client's budget. Raises Problem."""
        principal = await in_time(self.acting, request, scope)
        await within_budget(request, principal)
        return principal

    def once(self, principal: Principal, what: str, key: str, said: str = "") -> Call:
        """A form sent twice is done once. `key` came with the form; what has none is a call of its own."""
        return call_of(self.hub.crypt, principal.client_id, f"desk {what}", key[:64] or secrets.token_hex(16), said.encode())

    def render(self, request: Request, template: str, *, status: int = 200, **context: object) -> Response:
        return self.pages.render(request, template, status=status, words=Words(self.hub.catalog), **context)

    async def decide(self, request: Request, principal: Principal, case_id: int) -> None:
        """A decision of this moment, in the name of who is here. Raises Problem."""
        made = await serving(request).decisions.call(Asked(case_id, principal, request_id(request), operator(request)))
        if isinstance(made, NoSuchCase):
            raise Problem("NO_SUCH_RESOURCE")
        if isinstance(made, OverBudget):
            raise await self.spent(request, principal, made)
        if isinstance(made, CaseNotOpen):
            raise Problem("CASE_NOT_OPEN")
        if isinstance(made, HubError):
            raise made
        serving(request).integrating.nudge()

    async def spent(self, request: Request, principal: Principal, fault: OverBudget) -> Problem:
        """The refusal of a look at a holder beyond the budget, on record."""
        await refused(request, "case", "RATE_LIMITED", actor=principal.client_id)
        return limited(fault.seconds, self.hub.budgets)


def operator(request: Request) -> str:
    """Who acts, as cases and authorisations name it: the account."""
    return request.state.visit.account.account


def number_of(text: str) -> int:
    """A case's id in an address. Raises Problem."""
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Problem("NO_SUCH_RESOURCE")
    return int(text)


def to_case(case_id: int, done: str = "") -> Response:
    return RedirectResponse(f"{CASES}/{case_id}" + (f"?done={done}" if done else ""), status_code=303)


def router(desk: Desk) -> APIRouter:
    made = APIRouter()
    made.add_api_route(HOME, _home(desk), methods=["GET"])
    made.add_api_route("/desk/find", _find(desk), methods=["POST"])
    opening = OpeningForm(desk)
    made.add_api_route(NEW, opening.show, methods=["GET"])
    made.add_api_route(CASES, opening.send, methods=["POST"])
    return made


def _home(desk: Desk) -> Callable[..., Response]:
    def home(request: Request, of: str = "me", state: str = OPEN) -> Response:
        principal = desk.acting(request)
        chosen = {"of": "body" if of == "body" else "me", "state": CLOSED if state == CLOSED else OPEN}
        mine = operator(request) if chosen["of"] == "me" else ""
        found = desk_cases.listed(desk.hub, principal, operator=mine, state=chosen["state"])
        return desk.render(request, "desk_home.html", cases=found, chosen=chosen, matters=_published(desk.hub), wrong="", asked="")

    return home


def _find(desk: Desk) -> Callable[..., Response]:
    """By POST: a case's number leads to a person and is in no address."""

    def find(request: Request, case_no: Annotated[str, Field()] = "") -> Response:
        principal = desk.acting(request)
        case_id = desk_cases.numbered(desk.hub, principal, case_no[:64])
        if case_id is not None:
            return to_case(case_id)
        found = desk_cases.listed(desk.hub, principal)
        context = {"cases": found, "chosen": {"of": "body", "state": OPEN}, "matters": _published(desk.hub)}
        wrong = msgid("本单位没有这个编号的办件。")
        return desk.render(request, "desk_home.html", status=404, wrong=wrong, asked=case_no[:64], **context)

    return find


def _published(hub: Hub) -> Mapping[str, str]:
    today = shanghai_date(hub.now()).isoformat()
    return {name: found.title for name in hub.catalog.matters if (found := hub.catalog.matter_on(name, today)) is not None}


@dataclass(frozen=True)
class OpeningForm:
    """收件登记: a published matter, then who applies, where, under which number; then the decision at once."""

    desk: Desk

    def show(self, request: Request, matter: str = "") -> Response:
        principal = self.desk.acting(request)
        found = self._matter(matter)
        if found is None:
            return RedirectResponse(HOME, status_code=303)
        body = request.state.visit.account.body or ""
        last = desk_cases.last_places(self.desk.hub, principal, operator(request)) or desk_cases.Places("", body[2:8], body[2:8])
        return self._drawn(request, found, vars(last), {})

    async def send(self, request: Request) -> Response:
        principal = await self.desk.paying(request)
        filled = await request.form(max_files=0, max_fields=100)
        given = {name: str(value).strip() for name, value in filled.items()}
        matter = self._matter(given.get("matter", ""))
        if matter is None:
            raise Problem("INVALID_REQUEST")
        opening, errors = self._read(request, matter, given)
        if opening is None:
            return self._drawn(request, matter, given, errors, 422)
        try:
            told = await in_time(self._open, principal, opening, given, request_id(request))
        except CaseTaken:
            return self._drawn(request, matter, given, {"case_no": msgid("这个办件编号已经登记过，请核对。")}, 409)
        except CaseRefused as refused:
            return self._drawn(request, matter, given, {_field(opening, refused.pointer): msgid("证件号码或类型不对，请核对。")}, 422)
        except KeyReused:
            return self._drawn(request, matter, given, {"case_no": msgid("这张表已经提交过，请重新打开再填。")}, 409)
        await self.desk.decide(request, principal, int(told["case_id"]))
        return to_case(int(told["case_id"]))

    def _open(self, principal: Principal, opening: Opening, given: Mapping[str, str], request_no: str) -> Mapping[str, object]:
        said = repr(sorted((name, value) for name, value in given.items() if name not in ("csrf", "once")))
        once = self.desk.once(principal, "POST /desk/cases", given.get("once", ""), said)
        return open_case(self.desk.hub, opening, principal=principal, request_id=request_no, once=once)[0]

    def _matter(self, name: str) -> Matter | None:
        catalog, today = self.desk.hub.catalog, shanghai_date(self.desk.hub.now()).isoformat()
        return catalog.matter_on(name, today) if name in catalog.matters else None

    def _read(self, request: Request, matter: Matter, given: Mapping[str, str]) -> tuple[Opening | None, dict[str, str]]:
        """(what to open, {}) or (None, field → sentence). The same rules as the API's."""
        listed = [
            {"party": name, "name": given.get(f"{name}-name", ""), "number": given.get(f"{name}-number", ""),
             "code_type": given.get(f"{name}-type") or None}
            for name in matter.parties
            if given.get(f"{name}-name") or given.get(f"{name}-number")
        ]  # fmt: skip
        places = {name: given.get(name, "") for name in ("window", "received_in", "handled_in")}
        case_no = given.get("case_no") or self._number(places["received_in"])
        try:
            read = CaseIn(case_no=case_no, matter=matter.id, applicants=listed, operator=operator(request), **places)
        except ValidationError as fault:
            return None, {_named(listed, matter, one["loc"]): _SAID.get(str(one["loc"][-1]), _SAID[""]) for one in fault.errors()}
        who = [Applicant(**one.model_dump()) for one in read.applicants]
        unknown = [one.party for one in who if one.code_type is None and code_type(holder_form(one.number), "both") not in KNOWN]
        if unknown:
            return None, {f"{name}-number": msgid("按号码识别不了证件类型，请核对号码，或者选择证件类型") for name in unknown}
        return Opening(read.case_no, read.matter, who, read.operator, read.window, read.received_in, read.handled_in), {}

    def _number(self, place: str) -> str:
        """A number for a case that has none: place, day, chance."""
        drawn = int.from_bytes(self.desk.hub.entropy(5), "big") % 10**8
        return f"{place[:6] or '000000'}-{shanghai_date(self.desk.hub.now()):%Y%m%d}-{drawn:08d}"

    def _drawn(
        self, request: Request, matter: Matter, given: Mapping[str, object], errors: Mapping[str, str], status: int = 200
    ) -> Response:
        context = {
            "matter": matter,
            "given": given,
            "errors": errors,
            "types": CODE_TYPES,
            "once": given.get("once") or secrets.token_hex(16),
        }
        return self.desk.render(request, "desk_new.html", status=status, **context)


_SAID = {
    "applicants": msgid("请至少填写一位申请人的姓名或名称和证件号码"),
    "name": msgid("请填写姓名或名称"),
    "number": msgid("请填写证件号码"),
    "window": msgid("请填写窗口编号"),
    "case_no": msgid("办件编号过长或含有无法识别的字符"),
    "received_in": msgid("收件地是 6、9 或 12 位区划代码"),
    "handled_in": msgid("办理地是 6、9 或 12 位区划代码"),
    "": msgid("请核对这一项"),
}


def _named(listed: list[dict[str, object]], matter: Matter, place: tuple) -> str:
    """The form's field an error of `CaseIn` is about."""
    if place[0] != "applicants":
        return str(place[0])
    return f"{listed[place[1]]['party']}-{place[2]}" if len(place) > 2 else f"{next(iter(matter.parties))}-name"


def _field(opening: Opening, pointer: str) -> str:
    """The same of a pointer of CaseRefused: `/applicants/<place>/<what>`."""
    place = pointer.split("/")[2:3]
    return f"{opening.applicants[int(place[0])].party}-number" if place else "case_no"
