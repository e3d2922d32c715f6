"""`hub grants`: given, listed, suspended, resumed, ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.license_hub.caller import Key
from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)


def test_grants_are_given_listed_suspended_resumed_and_ended(hub, tmp_path):  # noqa: F811
    key = tmp_path / "key.json"
    key.write_text(json.dumps(Key().jwk))
    client = hub("clients", "add", "counter", "--key", str(key), "--scope", "license:read").stdout.strip()
    until = str((datetime.now(UTC) + timedelta(days=30)).date())
    given = ("--type", "food_permit", "--type", "business_license", "--purpose", "food_permit_new", "--until", until, "--document", "1号")
    assert hub("grants", "give", client, *given).stdout.split() == ["1", "2"]
    assert hub("grants", "suspend", "1").returncode == 0

    def standing() -> list[str]:
        return [one["standing"] for one in map(json.loads, hub("grants", "list", "--json").stdout.splitlines())]

    assert standing() == ["suspended", "in_force"]
    assert hub("grants", "resume", "1").returncode == 0 and hub("grants", "end", "2").returncode == 0
    assert standing() == ["in_force", "ended"]
    refused = hub("grants", "give", "nobody", *given)
    assert refused.returncode == 1 and "no client has this id" in refused.stderr
    assert "no grant has this number" in hub("grants", "end", "77").stderr
