"""The whole way as an outsider goes it: `hub serve` as a process, a license fetched by HTTP, `outsider.py` as a program."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from license_hub.service.publish_status import publish
from license_hub.service.register_client import register
from tests.conformance import attacks
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of, opened_case, options, principal_of, sample_hub, wall_clock
from tests.license_hub.server import running

SCRIPT = Path(__file__).with_name("outsider.py")
CASE = {"Hub-Purpose": "%E5%8F%91%E7%BB%99%E6%8C%81%E8%AF%81%E4%B8%BB%E4%BD%93", "Hub-Case-No": "990101-2026-000003"}


@pytest.fixture
def hub(tmp_path, catalog, database_url):
    made = sample_hub(tmp_path, catalog, database_url, wall_clock)
    yield made
    made.close()


def license_by_http(url: str, hub, identifier: str) -> bytes:
    key = Key()
    client = register(hub, "holder's app", key.jwk, ["license:export"], ["business_license"])
    opened_case(hub, principal_of(hub, client), "990101-2026-000003", credit_code(2002))
    form = token_form(key.assertion(client.client_id, url, hub.clock().timestamp()))
    token = httpx.post(f"{url}/oauth/token", data=form).json()["access_token"]
    answer = httpx.get(f"{url}/v1/licenses/{identifier}/bundle", headers={"Authorization": f"Bearer {token}", **CASE})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_outsider_checks_a_real_server_and_notices_when_its_history_changed(hub, tmp_path, database_url):
    settings = options(tmp_path, database_url)
    with running(settings, tmp_path) as server:

        def say(*asked: str) -> tuple[int, str]:
            command = [
                sys.executable,
                str(SCRIPT),
                "--hub",
                server.url,
                "--root",
                hub.roots[0].text,
                "--state",
                str(tmp_path / "seen.json"),
            ]
            ran = subprocess.run([*command, *asked], capture_output=True, text=True, cwd=tmp_path)
            assert ran.stderr == ""
            return ran.returncode, ran.stdout

        # Lists name their own address, which here is known only now.
        publish(replace(hub, public_url=server.url))
        kept = tmp_path / "kept.license.json"
        kept.write_bytes(license_by_http(server.url, hub, identifier_of(hub, credit_code(2002))))
        assert say("audit") == (0, "yes: all 25 entries and every tile over them\n")
        code, text = say("license", str(kept))
        assert code == 0 and text.startswith("yes: 1.2.156.3005.2.") and "issued as entry 7, and is VALID by the status list" in text
        world = type("Attacked", (), {"hub": hub, "log": hub.tiles.directory})()
        rows = attacks.leaves(world)
        attacks.put_leaves(world, [*rows[:3], *reversed(rows[3:])])
        attacks.sign_again(world)
        assert say("audit") == (1, "no: the log was rewritten: not the 25 entries this outsider saw before\n")
        (tmp_path / "seen.json").unlink()
        code, text = say("license", str(kept))
        assert code == 1 and text.startswith("no: the log was rewritten: not the 25 entries the license was logged in")
