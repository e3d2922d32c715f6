"""A process that integrates again and again until told to stop, printing what it signed: `python -m … DATABASE LAKE KEYS STOP`."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from license_hub.errors import LeaseLost
from license_hub.log.note import encode
from license_hub.service.hub import open_hub
from license_hub.service.integrate import integrate
from tests.license_hub.service.conftest import Clock, Options


def main(database: str, lake: str, keys: str, stop: str) -> None:
    hub = open_hub(Options(database, Path(lake), Path(keys), Path(keys + "-root")), clock=Clock())
    print("ready", flush=True)
    while not Path(stop).exists():
        try:
            made = integrate(hub, patience_s=0)
        except LeaseLost:
            continue
        print(made.size, encode(made.root), flush=True)
        # The other's turn may come, or not.
        time.sleep(random.random() / 20)


if __name__ == "__main__":
    main(*sys.argv[1:])
