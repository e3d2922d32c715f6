"""Processes of the hub that tests may kill, by the dozen: forked from one that has imported everything, so that each starts at once.

`python -m tests.faults.nursery` reads one job a line (JSON), forks a process for it, says its pid, waits for its end and says its exit
code. The process opens its own hub; nothing is shared but code.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from catalogs.load import load
from license_hub.service import intake, integrate
from license_hub.service.hub import open_hub
from tests.license_hub.service.conftest import Options
from tests.support import crash


def live(job: dict, catalog) -> None:
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


def main() -> None:
    catalog = load()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                live(job, catalog)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(json.dumps({"pid": pid}), flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
