"""`verify_api`: verifications a second of one server worker with every step on, against an empty endpoint of the same server.

Every step: token, look-up, content, seal and log proof, status, and an audit entry durable before the answer (PostgreSQL, fsync and
synchronous_commit on). `/healthz` is the empty endpoint: same process, same frame, same log line, no work. Load by wrk on the same
cores, the two in turn, medians of 3. After the runs the audit log must hold one entry for each answer.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import sqlalchemy as sa

from catalogs.load import load
from license_hub.service.hub import open_hub
from license_hub.service.register_client import register
from license_hub.settings import Settings
from license_hub.storage.tables import audit
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import company, credit_code, deliver, identifiers, options, wall_clock, write_csv
from tests.license_hub.server import Server, running
from tests.support import postgres

HERE = Path(__file__).parent
LICENSES = 20_000
CONNECTIONS, THREADS, SECONDS, ROUNDS = 64, 2, 5, 3


def run() -> dict:
    """The row of `make bench`. Raises RuntimeError if a request failed or an answer has no audit entry."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: as root, apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="mzt-bench-") as name, postgres.server() as root, postgres.database(root) as url:
        folder = Path(name)
        settings = options(folder, url)
        bodies, key, client_id = populate(settings, folder)
        with running(settings, folder) as server:
            empty, full = measure(server, bodies, key, client_id)
            mean_batch = batch_size(server)
        check_audit(url, sum(one["requests"] for one in full))
    return row(empty, full, mean_batch)


def populate(settings: Settings, folder: Path, licenses: int = LICENSES) -> tuple[Path, Key, str]:
    """Licenses through the real pipeline, a file of request bodies, a registered client."""
    hub = open_hub(settings, clock=wall_clock, catalog=load())
    deliver(hub, write_csv(folder / "companies.csv", (company(100_000 + place) for place in range(licenses))))
    found = identifiers(hub)
    if len(found) != licenses:
        raise RuntimeError(f"{len(found)} licenses of {licenses} rows")
    # Half by identifier, half by type and numbers with a claim to compare.
    asked = [{"identifier": one, "purpose": "bench"} for one in found[::2]]
    asked += [by_number(100_000 + place) for place in range(1, licenses, 2)]
    path = folder / "bodies.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in asked), "utf-8")
    key = Key()
    client = register(hub, "bench", key.jwk, ["license:verify"], ["business_license"])
    hub.close()
    return path, key, client.client_id


def by_number(number: int) -> dict:
    code = credit_code(number)
    claims = {"名称": company(number)["单位名称"]}
    return {"type": "business_license", "number": code, "holder_number": code, "claims": claims, "purpose": "bench"}


def measure(server: Server, bodies: Path, key: Key, client_id: str) -> tuple[list[dict], list[dict]]:
    """Rounds of empty and full in turn."""
    token = access_token(server, key, client_id)
    warm_up(server, bodies, token)
    empty, full = [], []
    for _ in range(ROUNDS):
        empty.append(wrk(f"{server.url}/healthz", HERE / "empty_endpoint.lua"))
        full.append(wrk(f"{server.url}/v1/verifications", HERE / "verify_api.lua", str(bodies), token))
    return empty, full


def warm_up(server: Server, bodies: Path, token: str) -> None:
    """Some answers looked at one by one. Raises RuntimeError if one is not what the license deserves."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        lines = bodies.read_text("utf-8").splitlines()
        for line in lines[:: max(1, len(lines) // 40)]:
            answer = client.post("/v1/verifications", content=line.encode())
            if answer.json().get("code") != "IN_FORCE":
                raise RuntimeError(f"{answer.status_code} {answer.json().get('code')} instead of IN_FORCE")


def access_token(server: Server, key: Key, client_id: str) -> str:
    assertion = key.assertion(client_id, server.url, time.time())
    answer = httpx.post(f"{server.url}/oauth/token", data=token_form(assertion))
    answer.raise_for_status()
    return answer.json()["access_token"]


def wrk(url: str, script: Path, *arguments: str, seconds: int = SECONDS, connections: int = CONNECTIONS) -> dict:
    """One run. Raises RuntimeError for any request that was not answered with 2xx."""
    command = ["wrk", f"-t{THREADS}", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url, "--", *arguments]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    if found["errors"] or not found["requests"]:
        raise RuntimeError(f"{found['errors']} of {found['requests']} requests failed")
    return found | {"rps": found["requests"] / found["us"] * 1e6}


def batch_size(server: Server) -> float:
    """Verifications in one transaction, on average, as the server's own metrics have it."""
    values = {}
    for line in httpx.get(server.metrics_url).text.splitlines():
        if line.startswith("hub_verify_batch_size_"):
            name, _, value = line.rpartition(" ")
            values[name.removeprefix("hub_verify_batch_size_")] = float(value)
    return values["sum"] / values["count"]


def check_audit(url: str, answered: int) -> None:
    """Every answer has its entry; a request under way when a run ended may have one more, an answer never one less."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        entries = connection.execute(sa.select(sa.func.count()).where(audit.c.action == "verify")).scalar_one()
    engine.dispose()
    if entries < answered:
        raise RuntimeError(f"{answered} answers but {entries} audit entries")


def row(empty: list[dict], full: list[dict], mean_batch: float) -> dict:
    value, baseline = (statistics.median(one["rps"] for one in runs) for runs in (full, empty))
    return {
        "bench": "verify_api",
        "value": round(value, 1),
        "unit": "verifications/s, 1 worker",
        "baseline": round(baseline, 1),
        "ratio": round(value / baseline, 3),
        "p50_ms": statistics.median(one["p50_ms"] for one in full),
        "p99_ms": statistics.median(one["p99_ms"] for one in full),
        "mean_batch": round(mean_batch, 1),
        "connections": CONNECTIONS,
        "licenses": LICENSES,
    }
