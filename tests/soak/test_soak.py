"""`soak`: the verification API at half load for a while. Memory stays flat, nothing fails, every answer is audited.

20 seconds in `make test`, half an hour in `make nightly`; `SOAK_SECONDS=120 pytest -m nightly tests/soak` for any other time.
Figures go into the report (`record_property`) and, from a minute on, memory over time to docs/plots/soak.svg.
"""

from __future__ import annotations

import os
import shutil

import pytest

from tests.bench import bench_verify_api as api
from tests.bench import open_loop, plots
from tests.bench.open_loop import Plan
from tests.license_hub.sample_hub import options
from tests.license_hub.server import running
from tests.soak.memory import Memory
from tests.support import postgres

LONG = int(os.environ.get("SOAK_SECONDS", "1800"))
LEG_S = 120
"""A token lives five minutes: a caller asks for a new one before."""
LICENSES, CONNECTIONS, SATURATED_S = 2_000, 32, 3


@pytest.mark.parametrize("seconds", [20, pytest.param(LONG, id="long", marks=pytest.mark.nightly)])
def test_half_load_keeps_memory_flat_and_every_answer_right(tmp_path, postgres_server, seconds, record_property):
    if shutil.which("wrk") is None:
        pytest.skip("wrk is missing: as root, apt-get install wrk")
    with postgres.database(postgres_server) as url:
        settings = options(tmp_path, url)
        bodies, key, client_id = api.populate(settings, tmp_path, LICENSES)
        with running(settings, tmp_path, workers=2) as server:
            token = api.access_token(server, key, client_id)
            api.warm_up(server, bodies, token)
            full = api.wrk(f"{server.url}/v1/verifications", api.HERE / "verify_api.lua", str(bodies), token, seconds=SATURATED_S)
            legs, rate = [], full["rps"] / 2
            with Memory(server.pid, every_s=max(0.5, seconds / 400)) as memory:
                for start in range(0, seconds, LEG_S):
                    token = api.access_token(server, key, client_id)
                    plan = Plan(f"{server.url}/v1/verifications", str(bodies), token, rate, min(LEG_S, seconds - start), CONNECTIONS)
                    legs.append(open_loop.run(plan))
        api.check_audit(url, full["requests"] + sum(len(one.ms) for one in legs))
    answered = sum(len(one.ms) for one in legs)
    figures = {"rate": round(rate, 1), "answered": answered, "p99_ms": max(one.percentile(0.99) for one in legs)}
    figures |= {"growth": round(memory.growth(), 3), "first_mib": memory.samples[0][1], "last_mib": memory.samples[-1][1]}
    for name, value in figures.items():
        record_property(name, value)
    if seconds >= 60:
        plots.soak(memory.samples)
    assert answered and sum(one.errors for one in legs) == 0
    # Caches fill in the first minutes: a short run proves that nothing runs away, the long one that it is flat.
    assert memory.growth() <= (1.05 if seconds >= 600 else 1.25), figures
