"""`hub clients key`, `plain-token`, `secret`: test keys, replaced keys, secrets of the facade."""

from __future__ import annotations

import json

from tests.license_hub.caller import Key
from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)


def test_test_key_secret_and_plain_token_are_given_and_taken_back(hub, tmp_path):  # noqa: F811
    files = {}
    for name in ("live", "test", "next"):
        files[name] = str(tmp_path / f"{name}.jwk.json")
        (tmp_path / f"{name}.jwk.json").write_text(json.dumps(Key().jwk))
    made = json.loads(hub("clients", "add", "counter", "--key", files["live"], "--test-key", files["test"], "--json").stdout)
    client, test = made["client_id"], made["test_client_id"]
    assert test == f"test-{client}"
    assert hub("clients", "key", client, "--key", files["next"]).stdout.strip() == client
    again = hub("clients", "key", client, "--key", files["next"], "--test")
    assert again.returncode == 1 and "already" in again.stderr
    assert hub("clients", "secret", client).returncode == 1, "not without an approval"
    assert hub("clients", "plain-token", client).returncode == 1
    assert hub("clients", "plain-token", client, "--document", "样例1号").returncode == 0
    assert len(hub("clients", "secret", client).stdout.strip()) == 43
    listed = {one["client_id"]: one for one in map(json.loads, hub("clients", "list", "--json").stdout.splitlines())}
    assert (listed[client]["plain_token"], listed[test]["plain_token"]) == ("样例1号", None)
    assert hub("clients", "plain-token", client, "--forbid").returncode == 0
    assert hub("clients", "disable", client).returncode == 0
    assert all(json.loads(line)["disabled_at"] for line in hub("clients", "list", "--json").stdout.splitlines())
