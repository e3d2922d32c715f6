"""What leaves the counter on paper: the 一次性告知单 with every material, and one signed receipt. As answered; nothing is looked up."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from catalogs.masking import Mask, masked
from license_hub.api.problem import Problem
from license_hub.errors import NoSuchCase
from license_hub.paper import qr
from license_hub.service.authenticate import Principal
from license_hub.service.receipts import HandedOut, hand_out
from license_hub.signing import jose, receipt
from license_hub.web.desk import Desk, number_of, to_case
from license_hub.web.desk_case import CASE, matter_of, view
from license_hub.web.pages import shown as at

RECEIPT_PATH = CASE + "/receipts/{receipt}"
MOST_DRAWN = 2_000
"""Characters of a receipt that a printed code still carries legibly."""


def router(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.get(CASE + "/notice")
    def notice(request: Request, case: str) -> Response:
        case_id = number_of(case)
        found = view(desk, desk.acting(request), case_id)
        if found.told is None:
            return to_case(case_id)
        matter = matter_of(desk, found.case)
        who = [(matter.parties.get(one.party, one.party), one.name, masked(one.number, Mask.NUMBER)) for one in found.case.parties.values()]
        body = desk.hub.catalog.departments.get(matter.department)
        context = {"case": found.case, "matter": matter, "told": found.told, "view": found, "who": who, "body": body}
        return desk.render(request, "desk_notice.html", **context, printed=at(desk.hub.now()))

    @made.get(RECEIPT_PATH)
    def paper(request: Request, case: str, receipt: str) -> Response:
        principal, case_id = desk.acting(request), number_of(case)
        found = _receipt(desk, principal, case_id, receipt)
        said = fields(found.token)
        drawn = Markup(qr.svg(found.token)) if len(found.token) <= MOST_DRAWN else ""  # noqa: S704 (`qr.svg` draws one path)
        context = {"case": view(desk, principal, case_id).case, "receipt": found, "said": said, "drawn": drawn}
        return desk.render(request, "desk_receipt.html", **context)

    @made.get(RECEIPT_PATH + "/file")
    def file(request: Request, case: str, receipt: str) -> Response:
        """Token and proof as docs/verify-us.md reads them."""
        found = _receipt(desk, desk.acting(request), number_of(case), receipt)
        named = {"Content-Disposition": f'attachment; filename="receipt-{found.receipt_id}.json"'}
        told = json.dumps({"token": found.token, "proof": found.proof}, ensure_ascii=False)
        return Response(told, media_type="application/json", headers=named)

    return made


def _receipt(desk: Desk, principal: Principal, case_id: int, receipt_id: str) -> HandedOut:
    """Raises Problem."""
    try:
        return hand_out(desk.hub, case_id, receipt_id, principal=principal)
    except NoSuchCase:
        raise Problem("NO_SUCH_RESOURCE") from None


def fields(token: str) -> Mapping[str, str]:
    """What a stored receipt says; its leaf is the one the fields give."""
    return receipt.opened(jose.read(token, types=(receipt.TYPE,), most=receipt.MOST_CHARS).claims)[0]
