"""`hub held`: what waits for an issuing organ, its yes and its no, and the way from ticket to license and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import sqlalchemy as sa

from license_hub.commands import session
from quality.tickets.opening import open_tickets
from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)
from tests.license_hub.sample_hub import company, credit_code, write_csv

ORGAN = credit_code(2, "11")


def deliver(hub, tmp_path, *rows: dict) -> dict:  # noqa: F811
    path = write_csv(tmp_path / f"{len(list(tmp_path.iterdir()))}.csv", [company(3000 + at) for at in range(18)] + list(rows))
    done = hub("run", "legal_entity", "--input", str(path), "--partition", "1", "--issue", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_held_commands_list_refuse_confirm_and_lead_both_ways(hub, tmp_path, catalog):  # noqa: F811
    lake = session.lake(session.options())
    failed = deliver(hub, tmp_path, company(1, "9"))
    engine = sa.create_engine(f"sqlite:///{tmp_path}/lake/hub.db")
    [one] = open_tickets(
        catalog, failed["batch"], ["legal_entity.status.in_codes"], lake=lake, database=engine, now=datetime.now(UTC), actor="staff"
    )
    engine.dispose()
    assert deliver(hub, tmp_path, company(1))["held"] == 1
    [line] = [json.loads(row) for row in hub("held", "list", "--json").stdout.splitlines()]
    assert (line["number"], line["organ"], line["rows"], line["changes"]) == (one.number, ORGAN, 1, 0)
    number = str(one.number)
    foreign = hub("held", "confirm", number, "--organ", credit_code(3, "11"))
    assert (foreign.returncode, "only the organ" in foreign.stderr) == (1, True)
    assert hub("held", "confirm", "99", "--organ", ORGAN).returncode == 1
    said = hub("held", "refuse", number, "--organ", ORGAN, "--reason", "the archive says otherwise", "--json")
    assert json.loads(said.stdout)["rows"] == 1
    done = json.loads(hub("held", "confirm", number, "--organ", ORGAN, "--json").stdout)
    assert (done["rows"], done["issued"], done["left"]) == (1, 1, 0)
    [link] = [json.loads(row) for row in hub("held", "issued", "--ticket", number, "--json").stdout.splitlines()]
    [back] = [json.loads(row) for row in hub("held", "issued", "--identifier", link["identifier"], "--json").stdout.splitlines()]
    assert back == link and link["number"] == one.number
    assert hub("held", "issued").returncode == 1 and hub("held", "list", "--json").stdout == ""
