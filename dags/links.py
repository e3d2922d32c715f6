"""Links from Airflow's tasks to the quality pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class FailedRule(BaseOperatorLink):
    """From a gate that stopped a batch to the page of the rule with the most failing rows; any other task has no link."""

    name = "失败规则明细"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Asked by the worker when the task ends: `ti_key` is the running task instance, and the answer is stored."""
        from dags import stages

        return stages.failed_rule_page(ti_key.xcom_pull(task_ids="check") or [])
