"""`POST /v1/authorizations`: the holder's word for using a license on an open case: asked for, recorded at the window, or by a 用证码.

The holder is named by the case's party, never by number: numbers came with the case. What a caller may not know is answered as one
refusal: a case of another client is as closed as one that never was.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from license_hub.errors import ConsentRefused, KeyReused, NotAllowed, OverBudget
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import Denied
from license_hub.service.consent import EVIDENCE, RELATIONS, SELF, Wanted, Window, ask, at_window, stands
from license_hub.service.use_code import redeem

from .access import needs, on_record, scope
from .budget import limited
from .idempotency import KeyHeader, call
from .patience import in_time
from .problem import Problem
from .serving import request_id, serving
from .verifications import plain

router = APIRouter(prefix="/v1", tags=["authorizations"])

SCOPE = "case:work"
May = Annotated[Principal, Depends(scope(SCOPE))]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(plain)]
TYPE = "^[a-z][a-z0-9_]{0,63}$"

EXAMPLES = [
    {"how": "ask", "case_id": 17, "party": "applicant", "type": "real_estate_title", "operator": "窗口07"},
    {"how": "window", "case_id": 17, "party": "applicant", "type": "real_estate_title", "operator": "窗口07", "evidence": "signed_paper",
     "relation": "guardian", "by": {"name": "样例乙", "number": "990101199001010011", "right": "监护人，见样例公证书1号"}},
    {"how": "code", "case_id": 17, "operator": "窗口07", "code": "K7M2-XQ4R"},
]  # fmt: skip


class ByIn(BaseModel):
    """Who acted for the holder, and what gives them the right."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    number: Text
    right: Text


class AuthorizationIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": EXAMPLES})

    how: Literal["ask", "window", "code"]
    case_id: int = Field(ge=1, lt=2**63, examples=[17])
    operator: Text = Field(examples=["窗口07"])
    party: Annotated[str, StringConstraints(pattern=TYPE)] | None = Field(default=None, description="Of the case, whose license it is")
    type: Annotated[str, StringConstraints(pattern=TYPE)] | None = Field(default=None, description="License type, or resource")
    evidence: Literal[EVIDENCE] | None = Field(default=None, description="What the operator saw, at the window")
    relation: Literal[RELATIONS] = SELF
    by: ByIn | None = None
    code: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z -]{8,16}$")] | None = None

    @model_validator(mode="after")
    def one_way(self) -> AuthorizationIn:
        if (self.how == "code") != (self.code is not None):
            raise ValueError("code belongs to how=code")
        if self.how != "code" and not (self.party and self.type):
            raise ValueError("name the party and the type")
        if (self.how == "window") != (self.evidence is not None):
            raise ValueError("evidence belongs to how=window")
        return self


class AuthorizationOut(BaseModel):
    id: str
    state: str = Field(examples=["asked"], description="asked, given, declined, withdrawn or expired")
    kind: str = Field(examples=["holder"], description="holder, window or code")
    case_id: int | None = Field(examples=[17], description="null: it holds for this client's other cases of the matter too")
    type_id: str = Field(examples=["real_estate_title"])
    purpose: str = Field(examples=["food_permit_new"], description="The matter")
    operator: str | None
    relation: str
    evidence: str
    asked_at: str
    given_at: str | None
    withdrawn_at: str | None
    valid_until: str
    request_id: str


@router.post("/authorizations", response_model=AuthorizationOut, status_code=201, openapi_extra=needs(SCOPE))
async def authorize(request: Request, asked: AuthorizationIn, principal: May, key: KeyHeader = "") -> Response:
    """Ask the holder (`ask`), record consent at the window (`window`), or use the holder's code (`code`). Needs the scope `case:work`."""
    async with on_record(request, "authorize", actor=principal.client_id):
        hub = serving(request).hub
        given = {"request_id": request_id(request), "principal": principal, "once": await call(request, hub, principal, key)}
        try:
            made = await in_time(_made, hub, asked, given)
        except NotAllowed as refused:
            raise Problem(refused.why, status=409 if refused.why == Denied.CASE_NOT_OPEN else 403) from None
        except OverBudget as refused:
            raise limited(refused.seconds, hub.budgets) from None
        except ConsentRefused as refused:
            raise Problem("INVALID_REQUEST", errors=[{"pointer": refused.pointer, "rule": refused.rule}]) from None
        except KeyReused:
            raise Problem("KEY_REUSED") from None
    headers = {"Location": f"/v1/authorizations/{made['id']}"}
    return JSONResponse(_told(made, request), status_code=201, headers=headers)


def _made(hub: object, asked: AuthorizationIn, given: dict[str, object]) -> dict[str, object]:
    if asked.how == "code":
        return redeem(hub, asked.code.replace("-", ""), asked.case_id, asked.operator, **given)
    wanted = Wanted(asked.case_id, asked.party, asked.type, asked.operator)
    if asked.how == "ask":
        return ask(hub, wanted, **given)
    return at_window(hub, wanted, Window(asked.evidence, asked.relation, asked.by.model_dump() if asked.by else None), **given)


@router.get("/authorizations/{authorization_id}", response_model=AuthorizationOut, openapi_extra=needs(SCOPE))
async def state(request: Request, authorization_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")], principal: May) -> Response:
    """How an own request stands: the table at the counter asks until the holder has answered."""
    async with on_record(request, "authorize", actor=principal.client_id):
        found = await in_time(stands, serving(request).hub, authorization_id, principal.client_id)
        if found is None:
            raise Problem("NO_SUCH_RESOURCE")
    return JSONResponse(_told(found, request))


def _told(found: dict[str, object], request: Request) -> dict[str, object]:
    return {name: one for name, one in found.items() if name != "client_id"} | {"request_id": request_id(request)}
