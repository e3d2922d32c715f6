"""`hub clients desk` and `hub desk ratings`: a counter is set up, and what its people say of the pages is counted."""

from __future__ import annotations

import json

from license_hub.app import now
from license_hub.service.hub import open_hub
from license_hub.service.rate_page import rate
from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)
from tests.license_hub.sample_hub import credit_code, options

BODY = credit_code(2, "11")


def test_counter_is_set_up_changed_and_listed_and_its_handler_belongs_to_it(hub):  # noqa: F811
    made = hub("clients", "desk", BODY, "--name", "样例窗口")
    assert made.returncode == 0, made.stderr
    again = hub("clients", "desk", BODY, "--name", "样例窗口", "--scope", "case:work", "--type", "business_license")
    assert again.stdout == made.stdout
    [row] = map(json.loads, hub("clients", "list", "--json").stdout.splitlines())
    assert (row["client_id"], row["kid"], row["scopes"], row["types"]) == (made.stdout.strip(), "", ["case:work"], ["business_license"])
    audited = [one for one in map(json.loads, reversed(hub("audit", "--json").stdout.splitlines())) if one["code"] == "DESK"]
    assert len(audited) == 2 and audited[1]["purpose"] == f"{row['client_id']} case:work business_license"
    assert hub("clients", "desk", "none", "--name", "x").returncode == 1
    assert "nothing the pages do" in hub("clients", "desk", BODY, "--name", "x", "--scope", "license:status").stderr
    added = ("accounts", "add", "wang.wu", "--name", "样例丙", "--role", "handler")
    assert hub(*added, "--body", BODY, given="a long sample password\n").returncode == 0
    assert "credit code" in hub(*added, given="a long sample password\n").stderr


def test_ratings_are_counted_by_page_with_the_newest_words(hub, tmp_path):  # noqa: F811
    assert hub("desk", "ratings", "--json").stdout == ""
    opened = open_hub(options(tmp_path), clock=now)
    for score, words in ((5, "很快"), (2, "字太小")):
        rate(opened, BODY, "desk-case", score, words)
    opened.close()
    [row] = map(json.loads, hub("desk", "ratings", "--json").stdout.splitlines())
    assert row == {"page": "desk-case", "scores": {"1": 0, "2": 1, "3": 0, "4": 0, "5": 1}, "mean": 3.5, "words": ["字太小", "很快"]}
    assert "3.50" in hub("desk", "ratings").stdout
