"""Sign the status lists anew: after every issue, and every 15 minutes for what changed in between.

**Output** — one signed token per 2^20 licenses, served at `/status/{shard}`, for verifiers without a connection;
the asset `status-listed`.

**Impact of failure** — online verification is not touched. The lists that are out count until they expire (12 hours);
after that offline verifiers answer UNDETERMINED, never VALID.

**How to re-run** — clear the task, or wait for the next run: each signs everything from what is in the database, and an
older list never replaces a newer one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from dags.assets import ISSUED, LISTED


@dag(
    dag_id="publish_status",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=ISSUED),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["status"],
    default_args={"owner": "license-hub"},
    doc_md=__doc__,
)
def publishing():
    @task(outlets=[LISTED], retries=3, retry_delay=timedelta(minutes=1), retry_exponential_backoff=True)
    def publish() -> dict:
        from dags import stages

        return stages.publish_status()

    publish()


publishing()
