"""`verify_api_full`: verifications with every step on, against pgbench beside it, the empty endpoint, and at half of saturation.

Every step: client token, look-up, content, seal and log proof, status, an audit entry durable before the answer (PostgreSQL, fsync and
synchronous_commit on). Server, PostgreSQL and load on the same two cores, two server workers. A round is, one after the other:

1. empty      closed loop (wrk) on `/healthz`: same processes, same frame, same log line, no work
2. pgbench    select + insert on the same PostgreSQL
3. full       closed loop (wrk) on `/v1/verifications` at saturation
4. half       open loop (`open_loop`) at half of what 3 reached, latency from when each request was due

Each of the closed loops is told at the number of connections that served it best: fewer than that do not saturate what gathers in batches,
more only wait.

Ratios are of one round; figures are medians of the rounds. At the end the audit log must hold one entry for each answer.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from tests.bench import bench_verify_api as api
from tests.bench import open_loop, pgbench
from tests.bench.open_loop import Plan
from tests.license_hub.sample_hub import options
from tests.license_hub.server import running
from tests.support import postgres

WORKERS = 2
ROUNDS, SECONDS = 3, 6
LICENSES = 200_000
CONNECTIONS = (128, 1024)
OPEN_CONNECTIONS = 256
PGBENCH_CLIENTS = (16, 64)


def run(rounds: int = ROUNDS, seconds: int = SECONDS, licenses: int = LICENSES) -> dict:
    """The row of `make bench`. Raises RuntimeError if a request failed or an answer has no audit entry."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: as root, apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="mzt-bench-") as name, postgres.server() as root, postgres.database(root) as url:
        folder = Path(name)
        settings = options(folder, url)
        bodies, key, client_id = api.populate(settings, folder, licenses)
        script = pgbench.prepare(url, folder)
        with running(settings, folder, WORKERS) as server:
            api.warm_up(server, bodies, api.access_token(server, key, client_id))
            made = []
            for number in range(rounds):
                # A token lives five minutes: a fresh one a round.
                token = api.access_token(server, key, client_id)
                made.append(one_round(server.url, url, script, bodies, token, seconds=seconds, licenses=licenses, number=number))
        api.check_audit(url, sum(one["full"]["requests"] + len(one["half"].ms) for one in made))
    return row(made, licenses)


def one_round(
    server: str, database: str, script: Path, bodies: Path, token: str, *, seconds: int, licenses: int, number: int
) -> dict[str, object]:
    empty = saturated(f"{server}/healthz", api.HERE / "empty_endpoint.lua", seconds=seconds)
    tried = {one: pgbench.tps(database, script, entries=licenses, clients=one, seconds=max(1, seconds // 2)) for one in PGBENCH_CLIENTS}
    full = saturated(f"{server}/v1/verifications", api.HERE / "verify_api.lua", str(bodies), token, seconds=seconds)
    rate = full["rps"] / 2
    plan = Plan(f"{server}/v1/verifications", str(bodies), token, rate, seconds, OPEN_CONNECTIONS, start=number * 1009)
    half = open_loop.run(plan)
    if half.errors:
        raise RuntimeError(f"{half.errors} of {half.requests} requests failed at half load")
    return {"empty": empty, "pgbench": max(tried.values()), "tried": tried, "full": full, "rate": rate, "half": half}


def saturated(url: str, script: Path, *arguments: str, seconds: int) -> dict:
    """The best of the closed loops, and how many connections it had."""
    runs = [api.wrk(url, script, *arguments, seconds=seconds, connections=one) | {"connections": one} for one in CONNECTIONS]
    return max(runs, key=lambda one: one["rps"])


def row(made: list[dict], licenses: int) -> dict:
    def median(of) -> float:
        return statistics.median(of(one) for one in made)

    return {
        "bench": "verify_api_full",
        "value": round(median(lambda one: one["full"]["rps"]), 1),
        "unit": f"verifications/s, {WORKERS} workers",
        "baseline": round(median(lambda one: one["pgbench"]), 1),
        "ratio": round(median(lambda one: one["full"]["rps"] / one["pgbench"]), 3),
        "ratio_pgbench": round(median(lambda one: one["full"]["rps"] / one["pgbench"]), 3),
        "empty": round(median(lambda one: one["empty"]["rps"]), 1),
        "ratio_empty": round(median(lambda one: one["full"]["rps"] / one["empty"]["rps"]), 3),
        "p50_ms": median(lambda one: one["full"]["p50_ms"]),
        "p99_ms": median(lambda one: one["full"]["p99_ms"]),
        "half_rate": round(median(lambda one: one["rate"]), 1),
        "p50_half_ms": round(median(lambda one: one["half"].percentile(0.5)), 2),
        "p99_half_ms": round(median(lambda one: one["half"].percentile(0.99)), 2),
        "pgbench_each": [{str(clients): round(found) for clients, found in one["tried"].items()} for one in made],
        "full_each": [round(one["full"]["rps"], 1) for one in made],
        "p99_half_each": [round(one["half"].percentile(0.99), 2) for one in made],
        "connections": {name: [one[name]["connections"] for one in made] for name in ("empty", "full")},
        "licenses": licenses,
        "distribution": distribution(made[-1]),
    }


def distribution(one: dict) -> dict[str, list[list[float]]]:
    """[per cent of the answers, milliseconds] of each kind of load in a round, for the plot."""
    half = [[share, round(one["half"].percentile(share / 100), 2)] for share, _ in one["full"]["distribution"]]
    return {"empty": one["empty"]["distribution"], "full": one["full"]["distribution"], "half": half}
