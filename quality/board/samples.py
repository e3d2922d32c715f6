"""`/quality/samples`: random rows compared with the source's archive, row by row; what comes of it, with its interval, by body.

Rows are masked like everywhere; who compares has a page of them shown whole, with a purpose, on record.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from quality import sampling
from quality.board.showing import MOST_NUMBER, After, Filled, Purpose, local, purpose, resource_of
from quality.board.surroundings import Surroundings
from quality.board.words import msgid
from quality.errors import SampleRefused
from quality.responsible import title
from quality.sampling import MOST, PAGE, Outcome, SampleRow, Verdict
from quality.store.tables_samples import sample
from quality.values import Veil

Text = Annotated[str, Form()]
VERDICTS = {Verdict.RIGHT: msgid("一致"), Verdict.WRONG: msgid("不一致"), Verdict.UNKNOWN: msgid("无法核对")}
MOST_SEED = 2**31


def router(around: Surroundings) -> APIRouter:
    made = APIRouter(include_in_schema=False)

    @made.get("/quality/samples")
    def listing(request: Request) -> Response:
        return _list(around, request)

    @made.post("/quality/samples")
    def draw(request: Request, resource: Text, rows: Text = "") -> Response:
        resource_of(around, resource)
        try:
            number = int(rows) if rows.strip().isdecimal() and len(rows) < 7 else 0
            found = sampling.draw(
                around.catalog, resource, number, seed=secrets.randbelow(MOST_SEED), lake=around.lake, database=around.database,
                now=around.now(), actor=around.person(request).account,
            )  # fmt: skip
        except SampleRefused:
            words = msgid("没有抽取：行数须为 1 到 10000 的整数，且该资源已有可信数据")
            return _list(around, request, errors={"rows": words}, filled={"resource": resource, "rows": rows})
        return RedirectResponse(f"/quality/samples/{found.sample}", status_code=303)

    @made.get("/quality/samples/{name}")
    def show(request: Request, name: str, after: After = 0, said: str = "") -> Response:
        return _page(around, request, name, after, said=said)

    @made.post("/quality/samples/{name}/rows")
    def unmask(
        request: Request, name: str, after: Annotated[int, Form(ge=0, le=MOST_NUMBER)] = 0, purpose_code: Text = "", why: Text = ""
    ) -> Response:
        given = purpose(around, purpose_code, why)
        if not given.errors:
            _line(around, name)
            around.audit(request, "quality.unmask", sample=name, after=after, purpose=given.code, reason=given.reason)
        return _page(around, request, name, after, whole=not given.errors, asked=given)

    @made.post("/quality/samples/{name}/verdicts")
    def judge(request: Request, name: str, form: Filled) -> Response:
        _line(around, name)
        after = int(text) if (text := str(form.get("after", ""))).isdecimal() and len(text) < 10 else 0
        with around.database.connect() as connection:
            rows = sampling.rows(connection, around.lake, name, after=after)
        given, errors = _verdicts(rows, form)
        if errors:
            return _page(around, request, name, after, errors=errors, given=given)
        actor = around.person(request).account
        for one in given.values():
            sampling.judge(
                around.catalog, name, one.row, one.verdict, one.fields, database=around.database, now=around.now(), actor=actor
            )  # fmt: skip
        return RedirectResponse(f"/quality/samples/{name}?after={after}&said={len(given)}", status_code=303)

    return made


@dataclass(frozen=True)
class Given:
    """What the form says of a row."""

    row: int
    verdict: Verdict
    fields: tuple[str, ...]


def _verdicts(rows: list[SampleRow], form: FormData) -> tuple[dict[int, Given], dict[str, str]]:
    """Rows about which the form says something new, and what does not fit."""
    given, errors = {}, {}
    for one in rows:
        said = str(form.get(f"verdict-{one.row}", ""))
        fields = tuple(sorted({str(value) for value in form.getlist(f"field-{one.row}")}))
        if said not in set(Verdict) or (said, fields) == (one.verdict, tuple(sorted(one.fields))):
            continue
        given[one.row] = Given(one.row, Verdict(said), fields)
        if (said == Verdict.WRONG) != bool(fields):
            errors[f"row-{one.row}"] = (
                msgid("判为不一致的，请勾选哪些字段不一致") if said == Verdict.WRONG else msgid("勾选了字段的，请判为不一致")
            )
    return given, errors


def _line(around: Surroundings, name: str) -> sa.Row:
    """Raises 404."""
    with around.database.connect() as connection:
        found = connection.execute(sa.select(sample).where(sample.c.sample == name)).one_or_none()
    if found is None or found.resource not in around.catalog.resources:
        raise HTTPException(404)
    return found


def _list(
    around: Surroundings, request: Request, *, errors: Mapping[str, str] | None = None, filled: Mapping[str, str] | None = None
) -> Response:  # fmt: skip
    with around.database.connect() as connection:
        lines = connection.execute(sa.select(sample).order_by(sample.c.drawn_at.desc(), sample.c.sample).limit(100)).all()
        found = [(line, sampling.whole(sampling.outcome(connection, line.sample).values())) for line in lines]
        counting = {
            name[0] for one in around.catalog.resources if (name := sampling.standing(connection, one, around.now())) is not None
        }  # fmt: skip
    resources = {one.id: one.title or one.id for one in around.catalog.resources.values()}
    return around.render(
        request, "samples.html", status=422 if errors else 200, resources=resources, most=MOST, errors=errors or {}, filled=filled or {},
        samples=[(line, one, local(line.drawn_at), line.sample in counting) for line, one in found], share=share,
    )  # fmt: skip


def share(found: Outcome) -> str:
    """The share of right rows with its interval, as people read it; '' where nothing was judged."""
    one = found.interval
    return "" if one.share is None else f"{one.share * 100:.1f}%（{one.low * 100:.1f}%–{one.high * 100:.1f}%）"


def _page(
    around: Surroundings, request: Request, name: str, after: int, *, whole: bool = False, asked: Purpose | None = None,
    errors: Mapping[str, str] | None = None, given: Mapping[int, Given] | None = None, said: str = "",
) -> Response:  # fmt: skip
    line = _line(around, name)
    resource = around.catalog.resources[line.resource]
    with around.database.connect() as connection:
        found = sampling.outcome(connection, name)
        rows = sampling.rows(connection, around.lake, name, after=max(after, 0), count=PAGE + 1)
        standing = sampling.standing(connection, resource.id, around.now())
    veil, shown = Veil(resource), rows[:PAGE]
    by_code: dict[str, list[Outcome]] = {}
    for body, one in found.items():
        by_code.setdefault(body.code, []).append(one)
    bodies = [(code, title(around.catalog, code), sampling.whole(ones)) for code, ones in by_code.items()]
    wrong = dict(errors or {}) or (dict(asked.errors) if asked else {})
    return around.render(
        request, "sample.html", status=422 if wrong else 200, sample=line, resource=resource, drawn_at=local(line.drawn_at), after=after,
        whole_result=sampling.whole(found.values()), bodies=sorted(bodies, key=lambda one: one[1]), share=share, whole=whole,
        rows=[(one, veil.key(one.key, whole=whole), veil.cells(one.values, whole=whole), (given or {}).get(one.row)) for one in shown],
        next=f"/quality/samples/{name}?after={shown[-1].row}" if len(rows) > PAGE else "", verdicts=VERDICTS, errors=wrong,
        why=asked.reason if asked and asked.errors else "", purposes=around.catalog.tickets.purposes, said=said if said.isdecimal() else "",
        counts=standing is not None and standing[0] == name,
        titles={one.source: one.title or one.source for one in resource.fields}, names={one.source: one.name for one in resource.fields},
    )  # fmt: skip
