"""`hub status`: one notice, a list with two approvers, the life cycle table."""

from __future__ import annotations

import json

from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)
from tests.license_hub.sample_hub import company, credit_code, write_csv

ORGAN = credit_code(2, "11")
NOTICE = ("--act", "SUSPEND", "--document", "样市监〔2026〕1号", "--date", "2026-11-20", "--organ", ORGAN, "--reason", "INVESTIGATION")


def issued(hub, tmp_path) -> list[str]:  # noqa: F811
    rows = write_csv(tmp_path / "legal_entity.csv", [company(3000 + place) for place in range(3)])
    assert hub("run", "legal_entity", "--input", str(rows), "--partition", "1", "--issue").returncode == 0
    import sqlalchemy as sa

    engine = sa.create_engine(f"sqlite:///{tmp_path}/lake/hub.db")
    with engine.connect() as connection:
        found = list(connection.execute(sa.text("SELECT identifier FROM hub_version ORDER BY entry")).scalars())
    engine.dispose()
    return found


def test_status_commands_record_one_notice_and_apply_a_list_after_two_names(hub, tmp_path):  # noqa: F811
    first, second, third = issued(hub, tmp_path)
    done = hub("status", "change", first, *NOTICE, "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "SUSPENDED")
    assert hub("verify", first).returncode == 4
    refused = hub("status", "change", first, *NOTICE)
    assert (refused.returncode, "ACT_REFUSED" in refused.stderr) == (1, True)

    acts = tmp_path / "acts.csv"
    lines = [f"{one},REVOKE,样市监罚〔2026〕7号,2026-11-20,PENALTY" for one in (second, third)]
    acts.write_text("\n".join(["identifier,act,document_no,date,reason", *lines]), encoding="utf-8")
    batch = hub("status", "propose", str(acts), "--organ", ORGAN, "--operator", "a").stdout.strip()
    assert hub("status", "approve", batch, "--reason", "own", "--operator", "a").returncode == 1
    assert json.loads(hub("status", "approve", batch, "--reason", "checked", "--operator", "b", "--json").stdout)["applied"] == 0
    assert hub("status", "apply", batch).returncode == 1
    assert json.loads(hub("status", "list", "--waiting", "--json").stdout)["approvers"] == "b"
    assert json.loads(hub("status", "approve", batch, "--reason", "checked", "--operator", "c", "--json").stdout)["applied"] == 2
    assert json.loads(hub("status", "apply", batch, "--json").stdout)["applied"] == 0
    assert {hub("verify", one).returncode for one in (second, third)} == {4}
    assert hub("log", "fsck").returncode == 0


def test_status_table_says_who_may_with_which_document_for_which_reasons(hub):  # noqa: F811
    rows = [json.loads(line) for line in hub("status", "table", "--json").stdout.splitlines()]
    revoked = next(one for one in rows if (one["from"], one["act"]) == ("IN_FORCE", "REVOKE"))
    assert revoked == {
        "from": "IN_FORCE",
        "act": "REVOKE",
        "to": "REVOKED",
        "who": ["ORGAN", "SOURCE"],
        "document": "DECISION",
        "reasons": ["LAW_PROVIDES", "PENALTY"],
    }
