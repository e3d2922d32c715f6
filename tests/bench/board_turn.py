"""One turn of `board_overview` in a fresh process: what the overview asks of the database, in a process that began like a worker."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

import sqlalchemy as sa

from catalogs.load import load
from license_hub.app import settle_memory
from quality.board.overview import Filters, gather


def main(url: str, now: str) -> dict:
    """Milliseconds of all queries of the page with what is made of them, for a year; and of the same once more."""
    engine, catalog, at = sa.create_engine(url), load(), datetime.fromisoformat(now)
    took, worked = [], []
    len(catalog.divisions)
    settle_memory()
    with engine.connect() as connection:
        connection.scalar(sa.text("SELECT 1"))
        for _ in range(2):
            begun, busy = time.perf_counter(), time.process_time()
            found = gather(connection, catalog, Filters(days=365), at)
            took.append((time.perf_counter() - begun) * 1000)
            worked.append((time.process_time() - busy) * 1000)
    engine.dispose()
    return {"query_ms": took[0], "query_warm_ms": took[1], "query_cpu_ms": worked[0], "days": len(found.trend.rows)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
