"""质量看板 in Airflow: a page in the navigation, a tab on every task, a link on a gate that stopped a batch.

The frames load this plugin's own endpoints, which Airflow mounts without any authentication of its own: each asks Airflow who is signed in
and what they may see, and sends the browser on with a link to the hub that is sealed for a minute (`quality.sealed`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse

from dags.links import FailedRule

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%23d97706' stroke-width='2'%3E"
    "%3Cpath d='M4 20V10m6 10V4m6 16v-7m5 7H3'/%3E%3C/svg%3E"
)
TASK = "dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"
endpoints = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


async def visitor(request: Request) -> Any:
    """The signed-in user of Airflow. Raises HTTPException (401, 403)."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    return await get_user(request, None, await bearer_scheme(request))


def sent_on(path: str, **parameters: str) -> RedirectResponse:
    """To the hub's framed page. Raises HTTPException while the two sides share no key."""
    from license_hub import settings
    from quality import sealed

    chosen = settings.read()
    if chosen.frame_key is None:
        raise HTTPException(503, "HUB_FRAME_KEY is not set: the quality pages cannot be framed (docs/operations.md)")
    address = sealed.address(sealed.read_key(chosen.frame_key), path, parameters, datetime.now(UTC))
    return RedirectResponse(chosen.public_url + address, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


@endpoints.get("/summary")
async def summary(request: Request) -> RedirectResponse:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView

    if not get_auth_manager().is_authorized_view(access_view=AccessView.WEBSITE, user=await visitor(request)):
        raise HTTPException(403)
    return sent_on("/quality/framed/summary")


@endpoints.get("/rules")
async def rules(request: Request, dag_id: str, run_id: str, task_id: str = "", map_index: str = "-1") -> RedirectResponse:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails

    asked = {"method": "GET", "access_entity": DagAccessEntity.TASK_INSTANCE, "details": DagDetails(id=dag_id)}
    if not get_auth_manager().is_authorized_dag(user=await visitor(request), **asked):
        raise HTTPException(403)
    return sent_on("/quality/framed/rules", dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)


class QualityBoard(AirflowPlugin):
    name = "quality_board"
    fastapi_apps = [{"name": "quality_board", "app": endpoints, "url_prefix": "/quality-board"}]
    external_views = [
        {"name": "质量看板", "href": "quality-board/summary", "nav_top_level": True, "url_route": "quality", "icon": ICON},
        {"name": "失败规则", "href": f"quality-board/rules?{TASK}", "destination": "task_instance", "url_route": "failed-rules"},
    ]  # fmt: skip
    operator_extra_links = [FailedRule()]
