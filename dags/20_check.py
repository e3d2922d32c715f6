"""Clean, check, gate and publish every batch that landed and was not judged yet: one DAG per resource.

**Output** — a publication with its change set, the quarantine, outcomes per rule, a Great Expectations result,
and the asset `published-<resource>`.

**Impact of failure** — the last good publication stays. A batch the gate stopped fails the task `gate` on purpose, and
with it the run; what other batches published goes on. Look at it with `hub batch show`, then have a second person run
`hub batch approve`, or ask the source to deliver again.

**How to re-run** — clear the task. A batch is published whole or not at all, and never twice.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag, task

from catalogs.model import Resource
from dags.assets import LANDED, PUBLISHED, RESOURCES
from dags.links import FailedRule


def checking_dag(resource: Resource):
    @dag(
        dag_id=f"check_{resource.id}",
        schedule=[LANDED[resource.id]],
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        tags=["check", resource.id, resource.department],
        default_args={"owner": resource.owner},
        doc_md=f"# {resource.title}\n\n{__doc__}",
    )
    def checking():
        @task
        def check(dag_run=None) -> list[dict]:
            from dags import stages

            return stages.check(resource.id, f"airflow {dag_run.dag_id} {dag_run.run_id}")

        @task
        def gate(reports: list[dict]) -> None:
            from dags import stages

            stages.fail_if_stopped(reports)

        @task(outlets=[PUBLISHED[resource.id]])
        def announce(reports: list[dict]) -> list[int]:
            from dags import stages

            return stages.published(reports)

        @task(trigger_rule="all_done")
        def store_expectations() -> list[str]:
            from dags import stages

            return stages.store_expectations(resource.id)

        reports = check()
        gate(reports).operator.operator_extra_links = (FailedRule(),)
        announce(reports)
        reports >> store_expectations()

    return checking()


for one in RESOURCES:
    checking_dag(one)
