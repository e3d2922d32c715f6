"""Runs the intake in a process of its own that is killed with SIGKILL at a named point. `python -m … DATABASE LAKE KEYS POINT`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support import crash


def main(database: str, lake: str, keys: str, point: str) -> None:
    from license_hub.service import intake
    from license_hub.service.hub import open_hub
    from tests.license_hub.service.conftest import Clock, Options

    hub = open_hub(Options(database, Path(lake), Path(keys), Path(keys + "-root")), clock=Clock())
    crash.arm(*crash.POINTS[point])
    intake.apply_pending(hub)


if __name__ == "__main__":
    main(*sys.argv[1:])
