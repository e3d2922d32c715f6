"""`python -m connectors.sample --out DIR`: generate the sample departments, and serve the permits if asked.

Output: the folder of `connectors.sample.generate`, one JSON line of counts on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from . import life_events, permit_api
from .generate import generate
from .world import Request


def main(arguments: list[str] | None = None) -> int:
    """Exit 0; 2 where the request makes no sense or the folder already holds a delivery."""
    options = _parser().parse_args(arguments)
    as_of = options.as_of or datetime.now(ZoneInfo("Asia/Shanghai")).date()
    started = time.perf_counter()
    try:
        request = Request(options.persons, options.seed, as_of)
        resources = generate(options.out, request)["resources"]
        resources |= life_events.generate(options.out, request)["resources"] if options.life_events else {}
    except (ValueError, FileExistsError) as error:
        print(f"sample: {error}", file=sys.stderr)
        return 2
    rows = {name: entry["read"] for name, entry in resources.items()}
    print(json.dumps({"out": str(options.out), "rows": rows, "seconds": round(time.perf_counter() - started, 2)}), flush=True)
    if options.serve_permits is not None:
        permit_api.serve(options.out, options.serve_permits, options.token)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m connectors.sample", description="Generate the sample departments.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into; it must not hold a delivery yet")
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-of", type=date.fromisoformat, default=None, help="day of the delivery, default today in Shanghai")
    parser.add_argument("--life-events", action="store_true", help="also marriages, education, births and social insurance")
    parser.add_argument("--serve-permits", type=int, metavar="PORT", help="then serve the permits on 127.0.0.1:PORT until stopped")
    parser.add_argument("--token", default="sample-token", help="bearer token the permit service asks for")
    return parser


if __name__ == "__main__":
    sys.exit(main())
