"""An app over a world, before the hub's own frame is there."""

from __future__ import annotations

from pathlib import Path

import jinja2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

import quality.board
from connectors.lake import Lake
from quality.board import overview, resource, rule
from quality.board.surroundings import Person, Surroundings

TEMPLATES = Path(quality.board.__file__).parent / "templates"
STATIC = Path("license_hub/web/static")
FRAME = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="/static/style.css"></head><body class="staff">
<header class="top"><p class="brand">免证通</p></header><nav aria-label="当前位置"><ol>{% block crumbs %}{% endblock %}</ol></nav>
<main id="main">{% block main %}{% endblock %}</main></body></html>"""


def app_over(world) -> FastAPI:
    loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(TEMPLATES), jinja2.DictLoader({"staff.html": FRAME})])
    pages = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.i18n"])
    pages.install_null_translations(newstyle=True)

    def render(request: Request, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
        return HTMLResponse(pages.get_template(template).render(csrf="", **context), status_code=status)

    def person(request: Request) -> Person:
        return Person(request.headers["x-person"], "质量甲", frozenset({"quality"}))

    around = Surroundings(
        catalog=world.catalog, lake=Lake.of(world.lake), database=world.database, now=world.clock, person=person, render=render,
        issued=lambda _resource, _keys: {}, audit=lambda _request, _action, **_details: None,
    )  # fmt: skip
    app = FastAPI()
    for module in (overview, resource, rule):
        app.include_router(module.router(around))
    from fastapi.staticfiles import StaticFiles

    app.mount("/static/vendor", StaticFiles(directory="node_modules/echarts/dist"))
    app.mount("/static", StaticFiles(directory=STATIC))
    return app
