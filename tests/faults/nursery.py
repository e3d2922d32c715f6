"""Processes of the hub that tests may kill (`tests.support.nursery`): `python -m tests.faults.nursery`. Each opens its own hub."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from catalogs.load import load
from license_hub.service import intake, integrate
from license_hub.service.hub import open_hub
from tests.license_hub.service.conftest import Options
from tests.support import crash
from tests.support.nursery import serve


def live(catalog, job: dict) -> None:
    """One job: `act` intake | integrate, killed at the `nth` arrival at `point` if there is one."""
    options = Options(job["database"], Path(job["lake"]), Path(job["keys"]), Path(job["keys"] + "-root"), workers=job["workers"])
    hub = open_hub(options, clock=lambda: datetime.now(UTC), catalog=catalog)
    if job["point"]:
        crash.arm(*crash.POINTS[job["point"]], nth=job["nth"])
    if job["act"] == "intake":
        intake.apply_pending(hub)
    else:
        integrate.integrate(hub)
    hub.close()


if __name__ == "__main__":
    serve(partial(live, load()))
