"""`/verify`: the one page for whoever holds a certificate in front of them. Plain HTML form, no script.

- GET shows the form; POST asks and shows the verdict. Numbers travel in the body only, and the page does not repeat a holder's number.
- No CSRF token: the request carries no session and changes nothing that belongs to a visitor. A foreign page that makes a browser
  post here learns nothing (no CORS, no framing) and does nothing its author could not do alone.
- Whether a type is `collected` is read from the catalogue by the identifier's type code, never from what is stored: asking for the
  holder's number says nothing about which licenses exist.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from catalogs.model import Catalog, Message
from license_hub.api import logs, metrics
from license_hub.api.budget import limited
from license_hub.api.checks import checked
from license_hub.api.problem import Problem
from license_hub.api.serving import request_id, serving
from license_hub.api.verifications import instant
from license_hub.domain.license import FACE, FIELD_TITLES
from license_hub.domain.lifecycle import SHANGHAI
from license_hub.service.budgets import ADDRESS
from license_hub.service.provisional import STATUS
from license_hub.service.verify import Answer, VerifyRequest
from license_hub.web import care, file_page, matters_page
from license_hub.web.address import Network, address_of
from license_hub.web.assets import assets

MAX_IDENTIFIER, MAX_HOLDER = 200, 40
ACTOR = "page:/verify"
"""Who asks in the audit log: nobody in particular."""


@dataclass(frozen=True)
class Form:
    """What the visitor filled in, as far as the page shows it again: never the holder's number."""

    identifier: str = ""
    holder_needed: bool = False
    errors: dict[str, str] = field(default_factory=dict)
    """Field → sentence, in the order of the fields."""


@dataclass(frozen=True)
class Check:
    name: str
    outcome: str
    meaning: str


@dataclass(frozen=True)
class Result:
    """The verdict as the page shows it."""

    kind: str
    """valid | invalid | undetermined"""
    reason: str
    next_step: str
    identifier: str
    type_name: str
    as_of: str
    as_of_iso: str
    at: str
    at_iso: str
    request_id: str
    checks: tuple[Check, ...]
    change_held: bool = False
    provisional: tuple[tuple[str, str], ...] = ()
    """(Title of a field that is being corrected, last day of its provisional value)."""
    document: str = ""
    """What an uploaded file is: copy, collected, bundle, license; '' = nothing was uploaded, or it is unknown."""
    by_code: bool = False
    """Known by a code in a picture alone: what is printed beside it was not compared."""
    until: str = ""
    """A copy's own end."""


def msgid(text: str) -> str:
    """Marks a text for gettext's extraction; the template translates it."""
    return text


@cache
def environment() -> Environment:
    """Templates with msgids in Chinese; without a translation loaded, the msgid is the text."""
    made = Environment(loader=PackageLoader("license_hub.web"), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"])
    return furnished(made)


def furnished(made: Environment) -> Environment:
    """With what every template may use: gettext, and addresses of the files pages load."""
    made.install_null_translations(newstyle=True)
    made.globals |= {"asset": assets().url, "has_asset": assets().has}
    return made


def routers(proxies: Sequence[Network] = ()) -> list[APIRouter]:
    """The pages' routes, templates and files read once. `proxies`: ours, whose word about a visitor's address is believed."""
    router = APIRouter(include_in_schema=False)
    template = environment().get_template("verify.html")

    @router.get("/")
    async def start() -> Response:
        return RedirectResponse("/verify")

    @router.get("/verify")
    async def form(request: Request) -> Response:
        return HTMLResponse(template.render(form=Form(), result=None, **care.words(request)))

    @router.post("/verify")
    async def answer(request: Request) -> Response:
        given = await filled_in(request)
        catalog = serving(request).hub.catalog
        wrong = complaints(given, catalog)
        if wrong.errors:
            return HTMLResponse(template.render(form=wrong, result=None, **care.words(request)), status_code=422)
        result = await ask(request, given, catalog, ACTOR, payer(request, proxies))
        return HTMLResponse(template.render(form=Form(), result=result, **care.words(request)))

    router.include_router(file_page.router(template, proxies))
    router.include_router(assets().router())
    router.include_router(care.router())
    router.include_router(matters_page.router(environment))
    return [router]


def problem_page(message: Message, request_id: str, cookies: str) -> str:
    """What a person with a browser sees instead of a problem's JSON; `cookies` is the request's header."""
    return environment().get_template("problem.html").render(message=message, request_id=request_id, care=care.step(cookies))


async def filled_in(request: Request) -> dict[str, str]:
    """The two fields, tidied as a person pastes them. Raises Problem for anything but a small form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Problem("UNSUPPORTED_MEDIA_TYPE")
    form = await request.form(max_files=0, max_fields=8)
    return {name: tidy(str(form.get(name, ""))) for name in ("identifier", "holder_number")}


def tidy(text: str) -> str:
    """Half-width capitals without spaces or line breaks."""
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def complaints(given: dict[str, str], catalog: Catalog) -> Form:
    """The form as it comes back; `errors` is empty if there is enough to ask with."""
    identifier, holder = given["identifier"], given["holder_number"]
    kind = catalog.type_named(identifier)
    needed = kind is not None and kind.origin == "collected"
    errors = {}
    if not identifier:
        errors["identifier"] = msgid("请填写证照标识")
    elif len(identifier) > MAX_IDENTIFIER or logs.UNSAFE.search(identifier):
        errors["identifier"] = msgid("证照标识过长或含有无法识别的字符，请重新扫码或核对")
    if needed and not holder:
        errors["holder_number"] = msgid("请填写持证主体的号码")
    elif len(holder) > MAX_HOLDER:
        errors["holder_number"] = msgid("号码过长，请核对")
    return Form(identifier[:MAX_IDENTIFIER], needed, errors)


def payer(request: Request, proxies: Sequence[Network]) -> str:
    """Whose budgets a visitor's questions are charged to: his address's, by its blind index."""
    index = serving(request).hub.crypt.blind_index("sign-in", f"address {address_of(request, proxies)}")
    return ADDRESS + index.hex()


async def ask(request: Request, given: dict[str, str], catalog: Catalog, actor: str, payer: str) -> Result:
    """One verification through the same coalescer, checks and audit as the API's, charged to `payer`."""
    hub, request_no = serving(request), request_id(request)
    asked = (given["identifier"], given["holder_number"] or None)
    wanted = VerifyRequest(actor=actor, payer=payer, request_id=request_no, identifier=asked[0], holder_number=asked[1])
    answer = await hub.verifications.call(wanted)
    if answer.wait:
        raise limited(answer.wait, hub.hub.budgets)
    metrics.verdicts("page", answer.verdict.status, answer.verdict.code).inc()
    message, now = hub.messages[answer.verdict.code], hub.hub.now()
    kind = catalog.type_named(given["identifier"])
    return Result(
        kind=answer.verdict.status.value.lower(),
        reason=message.sentence,
        next_step=message.next_step,
        identifier=given["identifier"],
        type_name=kind.name if kind else "",
        as_of=shown(answer.verdict.as_of),
        as_of_iso=instant(answer.verdict.as_of),
        at=shown(now),
        at_iso=instant(now),
        request_id=request_no,
        checks=outcome(answer),
        change_held=answer.change_held,
        provisional=tuple((titled(one.field), one.until) for one in answer.provisional),
    )


def titled(name: str) -> str:
    """A field's short name as the license prints it."""
    return FIELD_TITLES.get(name, msgid("状态") if name == STATUS else name.removeprefix(FACE))


def outcome(answer: Answer) -> tuple[Check, ...]:
    """What was checked, in the words of the page."""
    words = {
        "content": (msgid("内容"), msgid("与制发时的记录比对")),
        "seal": (msgid("签章"), msgid("核对发证机关的签章")),
        "log": (msgid("日志"), msgid("在可公开核对的存证日志中查找")),
        "status": (msgid("状态"), msgid("查看数源给出的现在状态")),
    }
    found = checked(answer)
    return tuple(Check(words[name][0], found[name], words[name][1]) for name in words)


def shown(at: datetime) -> str:
    """Date and time in Shanghai, as a person writes it."""
    return at.astimezone(SHANGHAI).strftime("%Y年%-m月%-d日 %H:%M")
