"""The GB/T 36906-style facade 共享服务接口 under `/elicense/v1`, on the services that answer `/v1`. How a call is looked at and answered is
`elicense_call`; this module is one route a service, each with its own data. Source: standards.md §1.6 (a).
"""

from __future__ import annotations

import base64

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from license_hub.domain.verdict import Status
from license_hub.errors import NotAuthenticated, OverBudget
from license_hub.service import copies, search_held
from license_hub.service.authenticate import PLAIN_LIFE_S
from license_hub.service.check_file import FileRequest, check_file
from license_hub.service.issue_plain_token import issue_plain_token
from license_hub.service.passwords import Crowded
from license_hub.service.read import MaskedLicense
from license_hub.service.redeem import Scan, redeem
from license_hub.service.verify import VerifyRequest

from . import elicense_acts as acts
from . import elicense_asked as asked
from . import elicense_words as words
from .budget import limited
from .elicense_call import Call, Refused, Said, answered, said
from .patience import in_time, seated
from .problem import Problem
from .serving import refused, request_id, serving

router = APIRouter(prefix="/elicense/v1", tags=["elicense"])

MOST_COPIES = 10
"""Of one call by holder code."""


class Answer(BaseModel):
    head: Said
    data: object = Field(default=None, description="null with every status but 0, and but for what a verify service lacks")


def service(name: str, example: object):
    """A route of that name, documented with an example of its data."""
    body = {"head": {"status": 0, "message": "成功"}, "data": example}
    return router.post(f"/{name}", response_model=Answer, responses={200: {"content": {"application/json": {"example": body}}}})


class TokenIn(BaseModel):
    model_config = ConfigDict(extra="ignore")
    data: asked.Application


@service("token", {"accessToken": "eyJhbGciOiJFZERTQSIs…", "expiresIn": PLAIN_LIFE_S})
async def token(request: Request, body: TokenIn) -> Response:
    """Application id and secret → `accessToken`, ten minutes. For clients whose registration allows plain tokens; others get 11."""
    hub, given = serving(request), body.data
    for name in ("appId", "appSecret"):
        if not getattr(given, name):
            await refused(request, "token", "INVALID_REQUEST")
            return said(hub, 12, "", None, name)
    payer = f"address:{hub.address(request)}"
    try:
        made = await seated(
            hub.seats, issue_plain_token, hub.hub, given.appId, given.appSecret, payer=payer, request_id=request_id(request)
        )
    except NotAuthenticated:
        claimed = given.appId if given.appId.isprintable() else ""
        await refused(request, "token", "UNAUTHENTICATED", claimed=claimed)
        return said(hub, None, "UNAUTHENTICATED", None)
    except OverBudget as fault:
        raise limited(fault.seconds, hub.hub.budgets) from None
    except Crowded:
        raise Problem("RATE_LIMITED", headers={"Retry-After": "5"}) from None
    return said(hub, 0, "", {"accessToken": made, "expiresIn": PLAIN_LIFE_S})


@service("zzjs", {"total": 1, "list": [asked.ROW]})
async def zzjs(request: Request, body: asked.Asked[asked.Held]) -> Response:
    """证照检索: a holder's licenses of one type, as catalogue rows. The holder is a party of the case, else nothing is found."""

    async def act(call: Call) -> object:
        rows = await acts.searched(call, body.data)
        return {"total": len(rows), "list": [words.listed(call.hub.hub.catalog, one) for one in rows]}

    return await answered(request, body.head, body.data, act, search_held.SCOPE, action=search_held.ACTION)


@service("zzcx", {"certData": asked.CERT})
async def zzcx(request: Request, body: asked.Asked[asked.Named]) -> Response:
    """证照信息查询: one license in force by its identifier, masked."""

    async def act(call: Call) -> object:
        return {"certData": words.shown(call.hub.hub.catalog, await acts.in_force(call, body.data.certIdentifier))}

    return await answered(request, body.head, body.data, act, "license:read")


@service("zzysj", {"certIdentifier": asked.IDENTIFIER, "metadata": "<?xml version='1.0'?><METADATA><ZZBS>…</ZZBS></METADATA>"})
async def zzysj(request: Request, body: asked.Asked[asked.Named]) -> Response:
    """元数据获取: the metadata as XML, under the short names of GB/T 36903, masked."""

    async def act(call: Call) -> object:
        found = await acts.in_force(call, body.data.certIdentifier)
        return {"certIdentifier": found.identifier, "metadata": words.metadata(call.hub.hub.catalog, found)}

    return await answered(request, body.head, body.data, act, "license:read")


@service("downloadUrlsByHolderCode", [asked.ADDRESS])
async def download_urls(request: Request, body: asked.Asked[asked.Held]) -> Response:
    """按持证主体取下载地址: an annotated copy 加注件 of each license in force, at most ten; each address is good once, for ten minutes."""

    async def act(call: Call) -> object:
        if "license:read" not in call.principal.scopes:
            raise Refused("FORBIDDEN", 2)
        rows = await acts.searched(call, body.data)
        good = [one for one in rows if one.verdict.status is Status.VALID][:MOST_COPIES]
        if not good:
            raise Refused(rows[0].verdict.code, recorded=True)
        made = [(one.identifier, await acts.copied(call, one.identifier)) for one in good]
        return [acts.address(call, *one) for one in made]

    return await answered(request, body.head, body.data, act, "license:copy")


@service("zzdzxz", asked.ADDRESS)
async def zzdzxz(request: Request, body: asked.Asked[asked.Wanted]) -> Response:
    """取文件下载地址: an annotated copy 加注件 of one license; the address is good once, for ten minutes."""

    async def act(call: Call) -> object:
        identifier = acts.named(call, body.data.certIdentifier)
        return acts.address(call, identifier, await acts.copied(call, identifier, body.data.expiryTime, "expiryTime"))

    return await answered(request, body.head, body.data, act, "license:copy")


@service("downloadCertFile", asked.FILE)
async def download(request: Request, body: asked.Asked[asked.Download]) -> Response:
    """文件下载: the annotated copy itself, base64: by `id`, the last part of a download address, or made anew by `certIdentifier`."""

    async def act(call: Call) -> object:
        given = body.data
        if given.id:
            file = await seated(call.hub.seats, copies.fetch, call.hub.hub, given.id, call.request_id)
            return acts.file_of(None, file)
        if not given.certIdentifier:
            raise Refused("INVALID_REQUEST", about="certIdentifier")
        identifier = acts.named(call, given.certIdentifier)
        ends = (given.certificateCopyExpiringTime, "certificateCopyExpiringTime")
        made = await acts.copied(call, identifier, *ends, purpose=given.certificateCopyCause)
        return acts.file_of(identifier, await seated(call.hub.seats, copies.fetch, call.hub.hub, made.secret, call.request_id))

    return await answered(request, body.head, body.data, act, "license:copy")


@service("verifyCertInfo", {"result": 0, "message": "信息正确且证照有效"})
async def verify_info(request: Request, body: asked.Asked[asked.Information]) -> Response:
    """证照信息核验: does the license say what is claimed, and is it in force? A code 0–7, no data; any cause."""

    async def act(call: Call) -> object:
        given = body.data
        kind = acts.complete(call, given)
        numbers = given.text("holderCode").split(";")
        call.reach(None, *numbers)
        catalog = call.hub.hub.catalog
        claims = {catalog.elicense.short(name): given.text(name) for name in given.certData if name != "holderCode" or len(numbers) > 1}
        wanted = VerifyRequest(
            type_id=kind.id, number=given.text("certNo"), holder_number=numbers[0], claims=claims, actor=call.principal.client_id,
            payer=call.principal.client_id, purpose=call.cause, request_id=call.request_id,
        )  # fmt: skip
        answer = await call.hub.verifications.call(wanted)
        await call.hub.access.still(call.principal, answer.epoch)
        if answer.wait:
            raise OverBudget(answer.wait)
        return acts.result(call, answer.verdict)

    return await answered(request, body.head, body.data, act, "license:verify", on_case=False)


@service("verifyFile", {"result": 0, "message": "信息正确且证照有效"})
async def verify_file(request: Request, body: asked.Asked[asked.File]) -> Response:
    """证照文件核验: is this file one of the hub's, unchanged, and is its license in force? A code 0–7; any cause; at most 1.5 MiB."""

    async def act(call: Call) -> object:
        given = body.data
        kind = call.known(given.certTypeCode)
        if given.contentType != "base64":
            raise Refused("INVALID_REQUEST", 102)
        if not given.content:
            raise Refused("INVALID_REQUEST", about="content", data=acts.told(call, 6))
        try:
            data = base64.b64decode(given.content, validate=True)
        except ValueError:
            raise Refused("INVALID_REQUEST", 102) from None
        wanted = FileRequest(data, call.principal.client_id, None, call.cause, "", call.request_id, payer=call.principal.client_id)
        found = await seated(call.hub.seats, check_file, call.hub.hub, wanted)
        if found.answer.wait:
            raise OverBudget(found.answer.wait)
        if found.answer.type_id not in (None, kind.id):
            return acts.told(call, 7)
        return acts.result(call, found.answer.verdict)

    return await answered(request, body.head, body.data, act, "license:verify", on_case=False, action="check-file")


@service("getDateByQRcode", {"certData": asked.CERT})
async def by_code(request: Request, body: asked.Asked[asked.Code]) -> Response:
    """扫码取数: the code a holder shows, once: certData, masked, where the holder is a party of the case."""

    async def act(call: Call) -> object:
        if not body.data.qrcode:
            raise Refused("INVALID_REQUEST", about="qrcode")
        scan = Scan(call.principal, body.data.qrcode, call.purpose, call.case_no, call.request_id)
        found = await in_time(redeem, call.hub.hub, scan)
        if found.verdict.status is not Status.VALID:
            raise Refused(found.verdict.code, recorded=True)
        if not found.fields:
            raise Refused("FORBIDDEN", recorded=True)
        seen = MaskedLicense(found.identifier, found.type_id, found.fields, found.verdict, found.grade, found.verdict.as_of)
        return {"certData": words.shown(call.hub.hub.catalog, seen)}

    return await answered(request, body.head, body.data, act, "license:scan")


@service("certRemark", {"certTypeCode": "11990000YL0000020D001", "certName": "营业执照", "fields": [asked.FIELD]})
async def remark(request: Request, body: asked.Asked[asked.Kind]) -> Response:
    """字段说明: the fields a type's licenses have, by its code or its name."""

    async def act(call: Call) -> object:
        catalog, given = call.hub.hub.catalog, body.data
        named = [one.type_code for one in catalog.license_types.values() if one.name == given.certName]
        if given.certName and not given.certTypeCode and not named:
            raise Refused("INVALID_REQUEST", 13)
        kind = call.known(given.certTypeCode or (named[0] if given.certName else ""))
        return {"certTypeCode": kind.type_code, "certName": kind.name, "fields": words.remarks(catalog, kind)}

    return await answered(request, body.head, body.data, act, "license:read")
