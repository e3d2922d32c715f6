"""T30: personal values that went through the whole system are in nothing it leaves behind: database dump, WAL, lake, logs, metrics.

Airflow's logs, XCom and Great Expectations' results are searched by `tests/dags/test_chain.py`, with the same needles.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from license_hub.service.erase import Ground, erase_subject
from license_hub.service.hub import open_hub
from license_hub.service.register_client import register
from license_hub.service.verify import VerifyRequest, verify
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import Clock, company, credit_code, deliver, identifiers, options, wall_clock, write_csv
from tests.license_hub.server import running
from tests.license_hub.service.publishing import citizen_number
from tests.support import canaries
from tests.support.postgres import dumped, wal_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=[1_000, pytest.param(100_000, marks=pytest.mark.nightly)])
def world(request, tmp_path_factory, postgres_server, catalog):
    """A hub on PostgreSQL through which that many people's and firms' values have gone; its folder, database URL and needles."""
    from tests.support.postgres import database

    folder, count = tmp_path_factory.mktemp("canaries"), request.param
    with database(postgres_server) as url:
        hub = open_hub(options(folder, url), clock=Clock(), catalog=catalog)
        rows = [
            company(10_000 + at, 单位名称=f"样例金丝雀{at:06d}号贸易有限公司", 法定代表人证件号码=citizen_number(at))
            for at in range(count // 2)
        ]
        bad = {"统一社会信用代码": "91990101CANARY0000"}
        deliver(hub, write_csv(folder / "canaries.csv", [*rows, company(1, **bad, 单位名称="样例金丝雀隔离行有限公司")]))
        code = credit_code(10_000)
        answer = verify(hub, [VerifyRequest(type_id="business_license", number=code, holder_number=code, request_id="canary-request")])
        assert answer[0].verdict.code == "IN_FORCE" and len(identifiers(hub)) == count // 2
        erase_subject(hub, credit_code(10_001), Ground("test", "样例删〔2026〕9号", credit_code(2, "11")), "officer")
        needles = [row[name] for row in rows for name in ("统一社会信用代码", "单位名称", "法定代表人证件号码")]
        yield folder, url, [*needles, "91990101CANARY0000", "样例金丝雀隔离行有限公司"]
        hub.close()


def test_t30_search_finds_a_planted_canary_in_every_encoding(tmp_path):
    for number, spelled in enumerate(canaries.spellings("样例金丝雀甲")):
        (tmp_path / str(number)).write_bytes(b"\x00before" + spelled + b"after")
    assert canaries.leaks(tmp_path.iterdir(), ["样例金丝雀甲"]) == {path.name for path in tmp_path.iterdir()}


def test_t30_no_canary_in_a_database_dump(world, tmp_path):
    _, url, needles = world
    dump = dumped(url, tmp_path / "dump.sql")
    assert dump.stat().st_size > 100_000
    assert canaries.leaks([dump], needles) == set()


def test_t30_no_canary_in_the_wal(world, postgres_server):
    _, _, needles = world
    files = wal_of(postgres_server)
    assert files and canaries.leaks(files, needles) == set()


def test_t30_no_canary_in_the_encrypted_lake_nor_beside_it(world):
    folder, _, needles = world
    files = [path for path in (folder / "lake").rglob("*") if path.is_file()]
    assert {"landing", "trusted", "quarantine", "log"} <= {path.relative_to(folder / "lake").parts[0] for path in files}
    assert canaries.leaks(files, needles) == set()


def test_t30_no_canary_in_what_the_command_line_says_of_it(world, tmp_path):
    """Logs and `--json` answers of commands that touch those rows."""
    folder, url, needles = world
    environment = {
        "HUB_LAKE": str(folder / "lake"),
        "HUB_KEYS": str(folder / "keys"),
        "HUB_DATABASE_URL": url,
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }
    said = []
    for command in ("batch list", "log fsck", "audit", "lake expire --dry-run"):
        done = subprocess.run(
            [sys.executable, "-m", "license_hub.cli", *command.split(), "--json"], env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        said += [done.stdout, done.stderr]
    log = tmp_path / "said"
    log.write_bytes(b"\n".join(said))
    assert json.loads(said[2])["findings"] == [] and canaries.leaks([log], needles) == set()


def test_t30_no_canary_in_metrics_and_log_of_a_server_that_answered_about_them(world, tmp_path):
    folder, url, needles = world
    key, client_id = registered(folder, url)
    with running(options(folder, url), tmp_path) as server:
        assertion = key.assertion(client_id, server.url, time.time())
        token = httpx.post(f"{server.url}/oauth/token", data=token_form(assertion), timeout=30).json()["access_token"]
        for number in range(10_002, 10_006):
            form = {"type": "business_license", "number": credit_code(number), "holder_number": credit_code(number)}
            answer = httpx.post(f"{server.url}/v1/verifications", json=form, headers={"Authorization": f"Bearer {token}"}, timeout=30)
            assert answer.json()["code"] == "IN_FORCE"
            httpx.post(f"{server.url}/verify", data=form, timeout=30)
        (tmp_path / "metrics").write_bytes(httpx.get(server.metrics_url, timeout=30).content)
    assert b"hub_requests_total" in (tmp_path / "metrics").read_bytes() and server.log.stat().st_size
    said = [tmp_path / "metrics", server.log, dumped(url, tmp_path / "dump.sql")]
    assert canaries.leaks(said, [*needles, token, assertion, *token.split("."), *assertion.split(".")[1:]]) == set()


def registered(folder: Path, url: str) -> tuple[Key, str]:
    """A client that may verify, and its key."""
    hub, key = open_hub(options(folder, url), clock=wall_clock), Key()
    client = register(hub, "canaries", key.jwk, ["license:verify"], ["business_license"])
    hub.close()
    return key, client.client_id
