"""`make bench`: every bench against its alternative in the same call, one JSON line each, into var/bench/latest.jsonl.

A bench is a function returning `{bench, value, unit, baseline, ratio, …}`; the runner adds `goal` and `holds`
from goals.yaml. `--only name` replaces just its row. Exit code 1 if a bench fails to run; a missed goal is reported, not fatal.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.bench import plots

HERE = Path(__file__).parent
LATEST = HERE.parent.parent / "var" / "bench" / "latest.jsonl"


def benches() -> dict[str, Callable[[], dict]]:
    """Name → function, in the order they run. Imported on call: a bench's imports must not weigh on another's figures."""

    def of(module: str, function: str = "run", **arguments) -> Callable[[], dict]:
        def call() -> dict:
            return getattr(__import__(f"tests.bench.{module}", fromlist=[function]), function)(**arguments)

        return call

    return {
        "clean_1m": of("bench_clean", rows=1_000_000),
        "clean_5m": of("bench_clean", rows=5_000_000),
        "quality_5m": of("bench_quality", rows=5_000_000),
        "quarantine_120k": of("bench_quarantine"),
        "rules_vs_gx_1m": of("bench_rules_vs_gx", rows=1_000_000),
        "pull_postgres": of("bench_pull_postgres", rows=1_000_000),
        "issue_200k": of("bench_issue", rows=200_000),
        "issue_1m": of("bench_issue", "run_million", rows=1_000_000),
        "fsck_1m": of("bench_fsck"),
        "proof_check": of("bench_proof", body=False),
        "proof_check_body": of("bench_proof", body=True),
        "verify_api": of("bench_verify_api"),
        "verify_api_full": of("bench_verify_full"),
        "sm2_sign": of("bench_sm2"),
        "qr_token": of("bench_channels", "run_codes"),
        "signed_pdf": of("bench_channels", "run_copies"),
        "dpop_proof": of("bench_channels", "run_proofs"),
        "board_overview": of("bench_board"),
        "exempt_6": of("bench_cases"),
        "prefill": of("bench_cases", "run_prefill"),
    }


def judge(row: dict, goals: dict) -> dict:
    """The row with `goal` and `holds`: every bound of the goal against the row's value of that name."""
    goal = {name: bound for name, bound in goals.get(row["bench"], {}).items() if isinstance(bound, dict)}
    tests = {"at_most": lambda value, bound: value <= bound, "at_least": lambda value, bound: value >= bound}
    holds = all(tests[sense](row[name], bound) for name, bounds in goal.items() for sense, bound in bounds.items())
    return {**row, "goal": goal, "holds": holds}


def keep(row: dict, path: Path = LATEST) -> None:
    """Replace the bench's row in the file, leaving the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    rows = [old for old in rows if old["bench"] != row["bench"]] + [row]
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(benches()), help="run one bench and replace its row")
    only = parser.parse_args().only
    goals = yaml.safe_load((HERE / "goals.yaml").read_text())
    failed = False
    for name, bench in benches().items():
        if only and name != only:
            continue
        began = time.monotonic()
        try:
            row = judge(bench(), goals)
        except Exception:  # one bench that cannot run must not hide the others' figures
            traceback.print_exc()
            failed = True
            continue
        row["seconds"] = round(time.monotonic() - began, 1)
        plots.of(row)
        keep(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
