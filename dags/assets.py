"""The data that chains the stages: a DAG starts when the asset before it is updated; only landing has a clock."""

from __future__ import annotations

from airflow.sdk import Asset

from catalogs.load import load

RESOURCES = tuple(load().resources.values())

LANDED = {resource.id: Asset(name=f"landed-{resource.id}", uri=f"mzt://landed/{resource.id}") for resource in RESOURCES}
PUBLISHED = {resource.id: Asset(name=f"published-{resource.id}", uri=f"mzt://published/{resource.id}") for resource in RESOURCES}
ISSUED = Asset(name="issued", uri="mzt://issued")
LISTED = Asset(name="status-listed", uri="mzt://status-listed")
