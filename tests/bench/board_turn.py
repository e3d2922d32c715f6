"""One turn of `board_overview` in a fresh process: what the overview asks of the database, and nothing else."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

import sqlalchemy as sa

from catalogs.load import load
from quality.board.overview import Filters, gather


def main(url: str, now: str) -> dict:
    """Milliseconds of all queries of the page with what is made of them, for a year; and of the same once more."""
    engine, catalog, at = sa.create_engine(url), load(), datetime.fromisoformat(now)
    took = []
    with engine.connect() as connection:
        connection.scalar(sa.text("SELECT 1"))
        for _ in range(2):
            begun = time.perf_counter()
            found = gather(connection, catalog, Filters(days=365), at)
            took.append((time.perf_counter() - begun) * 1000)
    engine.dispose()
    return {"query_ms": round(took[0], 1), "query_warm_ms": round(took[1], 1), "days": len(found.trend.rows), "bodies": found.heat.total}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
