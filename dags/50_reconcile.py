"""Once a night, look for what fell between the stages, and prove the log.

**Output** — landed batches never judged are judged, publications never applied are applied, and the log is compared
with the database (`hub log fsck`). The counts are the task's return value.

**Impact of failure** — a difference between log and database fails this task and names the row: treat it as an incident.

**How to re-run** — clear the task; every step is idempotent.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import dag, task


@dag(
    dag_id="reconcile",
    schedule="30 4 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["reconcile"],
    default_args={"owner": "license-hub"},
    doc_md=__doc__,
)
def reconciling():
    @task
    def catch_up() -> dict:
        from dags import stages

        return stages.catch_up()

    @task
    def prove_log() -> dict:
        from dags import stages

        return stages.prove_log()

    catch_up() >> prove_log()


reconciling()
