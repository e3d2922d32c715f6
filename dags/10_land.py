"""Land what a department delivered: one DAG per resource, made from the catalogue, on the resource's own schedule.

**Output** — one immutable batch per delivery under `<lake>/landing/<resource>/`, and the asset `landed-<resource>`.

**Impact of failure** — nothing new from this department; the last good publication keeps serving.
An unavailable source is retried with growing pauses; a broken contract (a column gone, a wrong encoding) fails at once,
because asking again does not help: read the error, talk to the department.

**How to re-run** — clear the task. A delivery that was landed already is left alone; landing twice harms nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task

from catalogs.model import Resource
from dags.assets import LANDED, RESOURCES


def landing_dag(resource: Resource):
    @dag(
        dag_id=f"land_{resource.id}",
        schedule=resource.schedule,
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["land", resource.id, resource.department],
        default_args={"owner": resource.owner},
        doc_md=f"# {resource.title}\n\n{__doc__}",
    )
    def landing():
        @task(outlets=[LANDED[resource.id]], retries=4, retry_delay=timedelta(minutes=2), retry_exponential_backoff=True)
        def land() -> list[dict]:
            from dags import stages

            return stages.land(resource.id)

        land()

    return landing()


for one in RESOURCES:
    landing_dag(one)
