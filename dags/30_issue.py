"""Turn publications into sealed, logged licenses: everything after the hub's high-water mark, in order.

**Output** — licenses, new versions and status acts, each a leaf of the log; a signed checkpoint; the asset `issued`.

**Impact of failure** — licenses stay as they were; verification goes on. Each publication is one transaction, so
nothing is half issued.

**How to re-run** — clear the task, or just wait for the next publication: the run handles *all* publications after the
mark, not the one that woke it, so a lost event loses nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import AssetAny, dag, task

from dags.assets import ISSUED, PUBLISHED


@dag(
    dag_id="issue",
    schedule=AssetAny(*PUBLISHED.values()),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["issue"],
    default_args={"owner": "license-hub"},
    doc_md=__doc__,
)
def issuing():
    @task(outlets=[ISSUED], retries=3, retry_delay=timedelta(minutes=1), retry_exponential_backoff=True)
    def issue() -> dict:
        from dags import stages

        return stages.issue()

    issue()


issuing()
