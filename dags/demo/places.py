"""Where the demo keeps its world, and the environment every part of it runs in."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Places:
    """Everything under one folder, made anew for each run but for Airflow's own database."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8080
    metrics_port: int = 9090
    permit_port: int = 8081
    permit_token: str = "sample-department"  # noqa: S105 -- the generated department's own, on loopback only

    @property
    def departments(self) -> Path:
        return self.home / "departments"

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def report(self) -> Path:
        return self.home / "report.json"

    @property
    def accounts(self) -> Path:
        return self.home / "accounts.txt"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def addresses(self) -> dict[str, str]:
        """Connection id → address of each generated department."""
        return {
            "population": f"sqlite:///{self.departments / 'population.db'}",
            "legal_entity": str(self.departments),
            "food_permit": f"http://{self.host}:{self.permit_port}",
            "real_estate_title": str(self.departments),
        }

    def environment(self) -> dict[str, str]:
        """What the DAGs, the hub and Airflow read."""
        connections = {
            f"AIRFLOW_CONN_{name.upper()}": json.dumps(
                {"conn_type": "generic", "extra": {"address": address}}
                | ({"password": self.permit_token} if address.startswith("http") else {})
            )
            for name, address in self.addresses().items()
        }
        return connections | {
            "PYTHONPATH": str(ROOT),
            "AIRFLOW_HOME": str(ROOT / "var" / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "HUB_LAKE": str(self.lake),
            "HUB_KEYS": str(self.home / "keys"),
            "HUB_HOST": self.host,
            "HUB_PORT": str(self.port),
            "HUB_METRICS_PORT": str(self.metrics_port),
        }

    def enter(self) -> None:
        """Sets this process's environment; must happen before Airflow is imported."""
        os.environ.update(self.environment())
