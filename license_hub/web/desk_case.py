"""`/desk/cases/{case}`: what of a case's materials need not be handed in, why, and what the counter does next.

The page shows the last decision as it was answered; looking at it looks nothing up. A decision is made again by a click, and by itself
once the holder's word it waited for has come (`/refresh`, which a waiting page asks every few seconds).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalogs.matter import Matter
from license_hub.api.patience import in_time
from license_hub.api.problem import Problem
from license_hub.domain.license import FACE
from license_hub.errors import NoSuchCase
from license_hub.service import desk_cases
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import HOLDER as PHONE
from license_hub.service.authorize import KINDS, WINDOW
from license_hub.service.decide_case import last_decision
from license_hub.service.open_case import read_case
from license_hub.service.say_word import Said, relied_on, said
from license_hub.storage.cases import Case
from license_hub.web.desk import CASES, Desk, number_of, operator, to_case
from license_hub.web.desk_words import RELATIONS, Missing, missing, summary
from license_hub.web.pages import msgid

CASE = CASES + "/{case}"
DONE = {
    "asked": msgid("已请持证人在手机上确认，确认后本页自动更新。"),
    "window": msgid("已登记窗口现场授权，并重新判定。"),
    "code": msgid("用证码有效，已重新判定。"),
    "accepted": msgid("已采信。"),
    "refused": msgid("已登记不采信。"),
    "corrected": msgid("已登记不采信，并向登记单位发出校核申请。"),
    "closed": msgid("办件已关闭，此后不再使用证照。"),
    "rated": msgid("谢谢，已记录您的评价。"),
}
WAITS_S = 600
"""How long after asking a page looks for the answer by itself: a session nobody sits at must end."""


@dataclass(frozen=True)
class View:
    """A case as its page shows it."""

    case: Case
    told: Mapping[str, object] | None
    """The last decision."""
    words: Sequence[desk_cases.Word]
    """Authorisations, the newest first."""
    said: Mapping[str, Said]
    """By material: whether the counter relies on its exemption."""
    answered: frozenset[str]
    """Materials whose issuing body has answered."""

    def verdict(self, one: Mapping[str, object]) -> Said | None:
        """What was said of this exemption: of another license than the one it rests on now, nothing."""
        found = self.said.get(str(one["material"]))
        return found if found and one["outcome"] == "EXEMPT" and found.identifier == relied_on(one) else None

    @property
    def missing(self) -> list[Missing]:
        return missing(self.told) if self.told and self.case.is_open else []

    def waits(self, one: Missing) -> bool:
        return any(self._is(word, one) and word.told["state"] == "asked" for word in self.words)

    @property
    def changed(self) -> bool:
        """Whether a decision made now would say something else: a word that was missing is there, one that was
        relied on is not, an issuing body has answered.
        """
        if self.told is None or not self.case.is_open:
            return False
        if any(one["outcome"] == "DEPARTMENT_CHECK" and one["material"] in self.answered for one in self.told["materials"]):
            return True
        given = [one for one in self.words if one.told["state"] == "given"]
        if any(self._is(word, one) and word.told["kind"] in (PHONE, WINDOW) for word in given for one in self.missing):
            return True
        standing = {one.told["id"] for one in given}
        bases = [(one["evidence"] or {}).get("basis") for one in self.told["materials"] if one["outcome"] == "EXEMPT"]
        return any(basis and basis["kind"] in KINDS and basis["id"] not in standing for basis in bases)

    @staticmethod
    def _is(word: desk_cases.Word, one: Missing) -> bool:
        return (word.party, word.told["type_id"]) == (one.party, one.of)


def view(desk: Desk, principal: Principal, case_id: int) -> View:
    """Raises Problem for a case that is not this desk's."""
    try:
        case = read_case(desk.hub, case_id, principal=principal)
        told = last_decision(desk.hub, case_id, principal=principal)
    except NoSuchCase:
        raise Problem("NO_SUCH_RESOURCE") from None
    return View(case, told, desk_cases.words(desk.hub, principal, case), said(desk.hub, case_id), desk_cases.answered(desk.hub, case_id))


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.get(CASE)
    def show(request: Request, case: str, done: str = "") -> Response:
        return drawn(desk, request, view(desk, desk.acting(request), number_of(case)), done=DONE.get(done, ""))

    @made.post(CASE + "/decision")
    async def decide(request: Request, case: str) -> Response:
        principal, case_id = await desk.paying(request), number_of(case)
        await desk.decide(request, principal, case_id)
        return to_case(case_id)

    @made.post(CASE + "/refresh")
    async def refresh(request: Request, case: str) -> Response:
        """204 while nothing changed, unless a person asked."""
        principal, case_id = await in_time(desk.acting, request), number_of(case)
        found = await in_time(view, desk, principal, case_id)
        if found.changed:
            await desk.decide(request, principal, case_id)
        elif request.headers.get("hx-request") and found.case.is_open and polling(desk, found):
            return Response(status_code=204)
        return to_case(case_id)

    return made


def matter_of(desk: Desk, case: Case) -> Matter:
    """As the case was opened under it."""
    return desk.hub.catalog.matter_version(case.matter, case.matter_version)


def polling(desk: Desk, found: View) -> bool:
    """Whether the page looks by itself: somebody was asked a short while ago."""
    since = desk_cases.ago(desk.hub, WAITS_S)
    return any(one.told["state"] == "asked" and one.told["asked_at"] > since for one in found.words)


def drawn(desk: Desk, request: Request, found: View, *, wrong: str = "", done: str = "", status: int = 200, **more: object) -> Response:
    """The page; `wrong`: why what was asked was not done."""
    matter = matter_of(desk, found.case)
    context = {
        "view": found, "case": found.case, "matter": matter, "told": found.told, "wrong": wrong, "done": done,
        "summary": summary(found.told) if found.told else [], "polling": polling(desk, found), "operator": operator(request),
        "once": secrets.token_hex(16), "doubts": desk.hub.catalog.tickets.doubts, "relations": RELATIONS, "prefix": FACE, "looked": None,
    }  # fmt: skip
    return desk.render(request, "desk_case.html", status=status, **context | more)
