"""`/quality/bodies/{code}`: what a body has to correct, how good its data is, and where it hands in what it corrected.

A department's page rolls up the bodies of the resources it provides: counts alone, no rows of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from catalogs.errors import EgovError
from catalogs.model import Resource
from quality import publications, scores, uploads
from quality.board.sheets import link
from quality.board.showing import MOST_NUMBER, MOST_REASON, own, resource_of
from quality.board.surroundings import Surroundings
from quality.board.tickets import URGENCIES, shown_ticket
from quality.board.words import ORGAN, msgid
from quality.bodies import department, known, provided
from quality.responsible import title
from quality.scores import band
from quality.tickets.listing import ALL_OPEN, Filter, loads, numbered, page
from quality.tickets.states import Role
from quality.uploads import KINDS, Received, Upload, UploadRefused, receive

Text = Annotated[str, Form()]
TicketNumber = Annotated[int, Form(ge=0, le=MOST_NUMBER)]
NOTHING_WAITS = msgid("没有办成：这张工单现在没有等待本单位确认的记录")
CODE = re.compile(r"[0-9A-Z]{18}")
MODES = {
    "snapshot": msgid("全量：文件须包含全部记录。文件里没有的现有记录会按“减少”处理，超过限额即被拦截"),
    "partition": msgid("分区全量：文件须包含该分区的全部记录。文件里没有的现有记录会按“减少”处理，超过限额即被拦截"),
    "increment": msgid("增量：只交更正过的记录，其他记录保持不变"),
}
REFUSALS = {
    "kind": msgid("文件类型不对：请上传 CSV、TSV（可以 gzip 压缩）或 XLSX 文件"),
    "empty": msgid("文件是空的"),
    "mode": msgid("这个资源由归口部门整体交付，本单位不能单独上传"),
    "contract": msgid("文件不符合该资源的约定"),
    "foreign": msgid("文件里有不属于本单位的记录"),
    "taken": msgid("文件里有些主键现在属于其他单位的记录"),
}


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/bodies/{code}")
    def show(request: Request, code: str, said: str = "") -> Response:
        return body_page(around, request, code, said=ORGAN.get(said, ""))

    @made.post("/quality/bodies/{code}/issuing")
    def issuing(request: Request, code: str, ticket: TicketNumber, word: Text, comment: Text = "", back: Text = "") -> Response:
        return _say(around, request, code, ticket, word, comment.strip(), back)

    @made.post("/quality/bodies/{code}/deliveries")
    def deliver(request: Request, code: str, resource: Text, file: UploadFile, partition: Text = "") -> Response:
        person, wanted = around.person(request), resource_of(around, resource)
        if Role.BODY not in person.roles or person.body != code or uploads.mode(around.catalog, wanted, code) is None:
            raise HTTPException(404)
        given = Upload(wanted.id, code, file.filename or "", file.file.read(), partition or None, person.account)
        around.audit(request, "quality.upload", resource=wanted.id, bytes=len(given.content))
        try:
            received = receive(around.catalog, given, lake=around.lake, database=around.database, now=around.now())
        except UploadRefused as refusal:
            return body_page(around, request, code, refused=_refused(refusal), of=wanted.id)
        return body_page(around, request, code, received=_received(wanted, received), of=wanted.id)

    return made


def _say(around: Surroundings, request: Request, code: str, number: int, word: str, comment: str, back: str) -> Response:
    """The organ's word on what came through a ticket, whoever has the ticket: the rows that wait are the organ's, nothing else counts."""
    if around.issuing is None or word not in ORGAN or around.person(request).body != code:
        raise HTTPException(404)
    with around.database.connect() as connection:
        line = numbered(connection, number)
    if line is None or not any(one.organ == code for one in around.issuing.held(line.ticket)):
        return body_page(around, request, code, errors={"": NOTHING_WAITS})
    errors = {}
    if word == "refuse" and not comment:
        errors[f"comment-{number}"] = msgid("请填写不予确认的理由")
    elif len(comment) > MOST_REASON:
        errors[f"comment-{number}"] = msgid("理由过长，请控制在 500 字以内")
    if errors:
        return body_page(around, request, code, errors=errors, filled={"ticket": number, "comment": comment})
    try:
        if word == "confirm":
            around.issuing.confirm(request, line.ticket)
        else:
            around.issuing.refuse(request, line.ticket, comment)
    except EgovError:
        return body_page(around, request, code, errors={"": msgid("没有办成：这些记录不由本单位签发，或签发服务暂时不可用")})
    here = f"/quality/tickets/{number}?said={word}-issuing" if back == "ticket" else f"/quality/bodies/{code}?said={word}"
    return RedirectResponse(here, status_code=303)


def body_page(
    around: Surroundings, request: Request, code: str, *, refused: Mapping[str, object] | None = None,
    received: Mapping[str, object] | None = None, of: str = "", said: str = "", errors: Mapping[str, str] | None = None,
    filled: Mapping[str, object] | None = None,
) -> Response:  # fmt: skip
    own(person := around.person(request), code)
    waiting, more = around.issuing.waiting(code) if around.issuing else ([], 0)
    with around.database.connect() as connection:
        if not CODE.fullmatch(code) or not (waiting or code in known(connection, around.catalog)):
            raise HTTPException(404)
        mine = loads(connection, around.catalog, around.now(), bodies=[code])
        found = page(connection, around.catalog, Filter(state=ALL_OPEN, body=code), around.now())
        rolled = loads(connection, around.catalog, around.now(), resources=provided(around.catalog, code))
        scored = _scores(around, connection, code)
        forms = _forms(around, connection, code) if Role.BODY in person.roles and person.body == code else []
    below = [one for one in rolled if one.body != code]
    return around.render(
        request, "body.html", status=422 if refused or errors else 200, code=code, name=title(around.catalog, code), below=below,
        rows=[shown_ticket(around, one) for one in found.tickets], total=found.total, urgencies=URGENCIES, scores=scored,
        forms=forms, kinds=KINDS, refused=refused, received=received, of=of, more=link("/quality/tickets", body=code, state=ALL_OPEN),
        names={one.body: title(around.catalog, one.body) for one in below}, sees=person.sees,
        resources={one.id: one.title or one.id for one in around.catalog.resources.values()}, overdue=sum(one.overdue for one in mine),
        waiting=waiting, waiting_more=more, word=Role.BODY in person.roles and person.body == code, said=said, errors=errors or {},
        filled=filled or {"ticket": None},
    )  # fmt: skip


def _scores(around: Surroundings, connection: sa.Connection, code: str) -> list[dict[str, object]]:
    """The body's score in each resource it has rows of, with the department its rows roll up to."""
    made = []
    for resource in around.catalog.resources.values():
        found = scores.now(connection, around.catalog, resource.id)
        score = found.score(body=code) if found else None
        if found and any(place.code == code for place in found.by_body):
            made.append({"resource": resource, "score": score, "band": band(score), "department": department(around.catalog, resource.id)})
    return made


def _forms(around: Surroundings, connection: sa.Connection, code: str) -> list[dict[str, object]]:
    """What the body may hand in, and how."""
    made = []
    for resource in around.catalog.resources.values():
        mode = uploads.mode(around.catalog, resource, code)
        if mode:
            parts = [one.partition for one in publications.heads(connection, resource.id)] if mode == "partition" else []
            made.append({"resource": resource, "mode": mode, "how": MODES[mode], "partitions": _partitions(around, resource, parts)})
    return made


def _partitions(around: Surroundings, resource: Resource, parts: list[str]) -> dict[str, str]:
    name = resource.delivery.partition_field
    table = around.catalog.codes.get(resource.field(name).table or "") if name else None
    return {one: (table.labels.get(one, one) if table else one) for one in parts}


def _refused(refusal: UploadRefused) -> dict[str, object]:
    """In words for the page: what is wrong, where, how often."""
    return {"sentence": REFUSALS[refusal.why], "places": refusal.places, "count": refusal.count, "why": refusal.why}


def _received(resource: Resource, received: Received) -> dict[str, object]:
    """What was landed and what the check made of it."""
    landed, report = received.landed, received.report
    return {
        "resource": resource.title or resource.id, "batch": landed.batch, "rows": landed.manifest.rows, "report": report,
        "sha256": landed.manifest.source_sha256, "mode": MODES[landed.manifest.mode].split("：")[0], "partition": report.partition,
        "stopped": report.gate == "stopped",
    }  # fmt: skip
