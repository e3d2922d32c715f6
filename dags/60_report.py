"""Once a day, before work begins: what is due, overdue or to be escalated is written down at each ticket.

**Output** — events `remind`, `overdue` and `escalate` on tickets, each once a day; provisional values (暂行更正) past their
ticket's due date have ended. The counts are the task's return value. A year without entered holidays is named as a warning.

**Impact of failure** — nobody is reminded that day; lists on the pages are worked out anew each time and stay right.

**How to re-run** — clear the task: what was written down for the day is not written again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import CronTriggerTimetable, dag, task


@dag(
    dag_id="report",
    schedule=CronTriggerTimetable("30 7 * * *", timezone="Asia/Shanghai"),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["quality"],
    default_args={"owner": "data-quality"},
    doc_md=__doc__,
)
def reporting():
    @task(retries=3, retry_delay=timedelta(minutes=5))
    def remind() -> dict:
        from dags import stages

        return stages.remind()

    remind()


reporting()
