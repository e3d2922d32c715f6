"""`hub cases`: the report in its three forms."""

from __future__ import annotations

import csv
import io

from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)

DAYS = ("cases", "submissions", "--from", "2026-11-01", "--to", "2026-11-30")


def test_report_of_a_hub_without_cases_is_empty_in_every_form(hub):  # noqa: F811
    assert hub(*DAYS).returncode == 0 and hub(*DAYS, "--json").stdout == ""
    [heads] = csv.reader(io.StringIO(hub(*DAYS, "--csv").stdout))
    assert heads[0] == "matter" and heads[-2:] == ["submissions", "cases"]


def test_report_refuses_two_forms_at_once_and_days_in_the_wrong_order(hub):  # noqa: F811
    assert hub(*DAYS, "--json", "--csv").returncode == 2
    assert hub("cases", "submissions", "--from", "2026-11-30", "--to", "2026-11-01").returncode == 2
