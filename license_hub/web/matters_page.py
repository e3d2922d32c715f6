"""`/matters`: what need not be handed in, for everybody to read and to take along as CSV. Published matters only; nothing is looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment

from catalogs import matter_lists
from catalogs.matter import GOVERNMENT, Material, Matter, Way
from catalogs.model import Catalog
from license_hub.api.problem import Problem
from license_hub.api.serving import serving
from license_hub.web import care

BOM = "\ufeff"
"""By it spreadsheets know UTF-8."""
LEVELS = {"1": "国家级", "2": "省级", "3": "市级", "4": "县级"}
AUDIENCES = {"person": "自然人", "organisation": "法人和其他组织"}
OFFICES = {"government_services": "政务服务管理", "establishment": "机构编制", "justice": "司法行政"}
CASE_WORDS = {"name": "办件登记的姓名或名称", "number": "办件登记的证件号码", "code_type": "办件登记的证件类型"}
LISTS = {
    "materials": (matter_lists.MATERIAL_LIST, matter_lists.material_rows),
    "proofs": (matter_lists.PROOF_LIST, matter_lists.proof_rows),
}


def router(environment: Callable[[], Environment]) -> APIRouter:
    made = APIRouter(include_in_schema=False)
    templates = {name: environment().get_template(f"{name}.html") for name in ("matters", "matter")}

    def page(request: Request, name: str, **given: Any) -> Response:
        return HTMLResponse(templates[name].render(**given, **care.words(request)))

    @made.get("/matters")
    async def index(request: Request) -> Response:
        catalog = serving(request).hub.catalog
        rows = [summary(catalog, one) for one in matter_lists.published(catalog)]
        return page(request, "matters", rows=rows, figures=figures(catalog))

    @made.get("/matters/materials.csv")
    async def materials(request: Request) -> Response:
        return download(serving(request).hub.catalog, "materials")

    @made.get("/matters/proofs.csv")
    async def proofs(request: Request) -> Response:
        return download(serving(request).hub.catalog, "proofs")

    @made.get("/matters/{matter_id}")
    async def one(request: Request, matter_id: str) -> Response:
        catalog = serving(request).hub.catalog
        matter = catalog.matters.get(matter_id)
        if matter is None or not matter.published:
            raise Problem("NO_SUCH_RESOURCE")
        return page(request, "matter", matter=matter, **details(catalog, matter))

    return made


def download(catalog: Catalog, name: str) -> Response:
    columns, rows = LISTS[name]
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(BOM + matter_lists.text(columns, rows(catalog)), media_type="text/csv; charset=utf-8", headers=headers)


def figures(catalog: Catalog) -> dict[str, object]:
    """The provinces' figure, once over all materials and once over those a government body issues."""
    every, issued = matter_lists.overall(catalog), matter_lists.overall(catalog, GOVERNMENT)
    return {
        "matters": len(matter_lists.published(catalog)),
        "materials": every.of,
        "linked": every.linked,
        "share": percent(every),
        "issued": issued.of,
        "issued_linked": issued.linked,
        "issued_share": percent(issued),
    }


def percent(share: matter_lists.Share) -> str:
    """One decimal, never rounded up; a dash where there is nothing to link."""
    return "—" if share.value is None else f"{share.linked * 1000 // share.of / 10:.1f}%"


def summary(catalog: Catalog, matter: Matter) -> dict[str, object]:
    return {
        "id": matter.id,
        "title": matter.title,
        "department": catalog.departments[matter.department].name,
        "materials": len(matter.materials),
        "exempt": sum(map(matter_lists.exempt, matter.materials)),
        "share": percent(matter_lists.linked(matter.materials)),
        "bundle": matter.bundle is not None,
    }


def details(catalog: Catalog, matter: Matter) -> dict[str, object]:
    """What the page of one matter says beside the matter itself, in words."""
    departments = catalog.departments
    bundle = matter.bundle
    return {
        "department": departments[matter.department],
        "level": LEVELS[matter.level],
        "audience": "、".join(AUDIENCES[one] for one in matter.audience),
        "share": percent(matter_lists.linked(matter.materials)),
        "issued_share": percent(matter_lists.linked(matter.materials, GOVERNMENT)),
        "materials": [material(catalog, matter, one) for one in matter.materials],
        "form": [(one.title, one.required, [source(catalog, matter, way) for way in one.prefill]) for one in matter.form],
        "reviews": [(OFFICES[one.office], one.by, one.on, one.document_no) for one in matter.reviews],
        "former": [(one.version, one.since) for one in catalog.former_matters.get(matter.id, ())],
        "bodies": [departments[name].name for name in bundle.cooperating] if bundle else [],
        "parts": [catalog.matters[name] for name in bundle.matters] if bundle else [],
    }


def material(catalog: Catalog, matter: Matter, one: Material) -> dict[str, object]:
    return {
        "code": one.code,
        "title": one.title,
        "party": matter.parties[one.party],
        "channel": matter_lists.CHANNELS[one.channel],
        "necessity": matter_lists.NECESSITIES[one.necessity],
        "department": catalog.departments[one.department] if one.department else None,
        "consent": matter_lists.consent(one),
        "ways": [(matter_lists.KINDS[way.kind], told(catalog, way)) for way in one.ways],
    }


def told(catalog: Catalog, way: Way) -> str:
    """One way in a sentence."""
    match way.kind:
        case "license":
            names = "、".join(catalog.license_types[name].name for name in way.types)
            left = f"，有效期至少还有 {way.days_left} 天" if way.days_left else ""
            return f"有有效的电子{names}（可信等级不低于 {way.grade}{left}）"
        case "share":
            resource = catalog.resources[way.resource]
            wanted = "，且".join(condition(catalog, way.resource, name, values) for name, values in way.where.items())
            return f"{resource.title}中有本人的记录" + (f"，{wanted}" if wanted else "")
        case "check":
            return f"由{catalog.departments[way.department].name}在 {way.working_days} 个工作日内核验"
        case "promise" | "defer":
            return f"{way.text}期限 {way.due_days} 天。{way.liability}"
        case _:
            return way.basis


def condition(catalog: Catalog, resource: str, name: str, values: tuple[str, ...]) -> str:
    field = catalog.resources[resource].field(name)
    labels = catalog.codes[field.table].labels if field.table else {}
    return f"{field.title}为{'或'.join(labels.get(value, value) for value in values)}"


def source(catalog: Catalog, matter: Matter, one) -> str:
    """Where a form value comes from."""
    party = matter.parties[one.party]
    if one.kind == "case":
        return f"{party}：{CASE_WORDS[one.field]}"
    if one.kind == "license":
        return f"{party}的电子{catalog.license_types[one.of].name}：{one.field}"
    resource = catalog.resources[one.of]
    return f"{resource.title}（{party}）：{resource.field(one.field).title}"
