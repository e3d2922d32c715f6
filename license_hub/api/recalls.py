"""`POST /v1/recalls`: what a bad source led to, and a notice to every client that relied on it. Revokes nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from license_hub.errors import RecallRefused
from license_hub.service.authenticate import Principal
from license_hub.service.recall import REASON_CHARS, Kind, Source, recall

from .access import needs, on_record, scope
from .patience import in_time
from .problem import Problem
from .serving import serving

router = APIRouter(prefix="/v1", tags=["recalls"])

MOST_IDENTIFIERS = 500
"""What a body of `frame.MAX_BODY_BYTES` can hold; `hub recall` takes more."""
EXAMPLE = {"kind": "publication", "value": "legal_entity/7", "reason": "数源通报本次发布数据有误"}


class RecallIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    kind: Kind
    value: str = Field(min_length=1, max_length=200, description="Batch id, RESOURCE/NUMBER, rule id, or the organ's credit code")
    reason: str = Field(min_length=1, max_length=REASON_CHARS, description="Clients read it: name no person")
    document_no: str = Field(default="", max_length=100, description="Number of the organ's notice; required for kind organ")
    type: str = Field(default="", max_length=100, description="Only licenses of this type")
    since: str = Field(default="", max_length=20, description="Only versions recorded from this instant on")
    until: str = Field(default="", max_length=20, description="Only versions recorded before this instant")
    identifiers: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=MOST_IDENTIFIERS, description="Only these")


class RelyingOut(BaseModel):
    actor: str
    answers: int
    licenses: int
    first_at: str
    last_at: str
    client: bool = Field(description="A registered client, which has a notice; others have to be told by people")


class RecallOut(BaseModel):
    recall_id: str
    versions: int
    licenses: int
    answers: int
    notices: int = Field(description="Made by this call; a repeated one makes none twice")
    relying: list[RelyingOut]
    status_lists: list[str]


@router.post("/recalls", response_model=RecallOut, openapi_extra=needs("license:recall"))
async def start(request: Request, asked: RecallIn, principal: Annotated[Principal, Depends(scope("license:recall"))]) -> RecallOut:
    """Lists everything that relied on a batch, publication, rule or what an organ issued, and puts one signed notice for each relying
    client at its `/v1/notices`. The same recall again finds the same and notifies who relied since. No license changes its status."""
    client, hub = principal.client_id, serving(request).hub
    names = asked.model_dump(exclude={"reason", "type"}) | {"type_id": asked.type, "identifiers": tuple(asked.identifiers)}
    async with on_record(request, "recall", actor=client):
        try:
            made = await in_time(recall, hub, Source(**names), reason=asked.reason, operator=client, principal=principal)
        except RecallRefused:
            raise Problem("INVALID_REQUEST", errors=[{"pointer": "/value", "rule": "nothing_to_recall"}]) from None
    return RecallOut(**asdict(made))
