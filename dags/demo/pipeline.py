"""Runs the real DAGs in the order of their assets and writes what they returned: `python -m dags.demo.pipeline ANSWERS RESOURCE…`.

A process of its own, so that Airflow's many lines go to a log of their own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

STAGES = ("land", "check")


def run_dags(folder: Path, resources: tuple[str, ...]) -> dict[str, dict]:
    """`dag.test()` of land and check for each resource, then issue. Returns DAG id → what its first task returned.

    Raises RuntimeError naming the DAG that did not succeed.
    """
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(folder)
    if bag.import_errors:
        raise RuntimeError(f"DAG files that do not import: {bag.import_errors}")
    order = [f"{stage}_{resource}" for resource in resources for stage in STAGES] + ["issue"]
    return {dag_id: _run(bag.dags[dag_id]) for dag_id in order}


def _run(dag) -> dict:
    finished = dag.test()
    if finished.state != "success":
        failed = [task.task_id for task in finished.get_task_instances() if task.state == "failed"]
        raise RuntimeError(f"{dag.dag_id} ended {finished.state}: {failed}")
    first = next(iter(dag.topological_sort())).task_id
    return finished.get_task_instance(first).xcom_pull(task_ids=first)


if __name__ == "__main__":
    answers, *wanted = sys.argv[1:]
    found = run_dags(Path(__file__).resolve().parents[1], tuple(wanted))
    Path(answers).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
