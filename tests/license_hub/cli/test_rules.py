"""`hub rules`: proposed, tried, approved under a second name, in effect from the next batch, written into the files for review."""

from __future__ import annotations

import json
import shutil

from catalogs.documents import KINDS
from catalogs.load import PACKAGE_ROOT, load
from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)
from tests.license_hub.sample_hub import company, write_csv

RULE = "legal_entity.address.not_null"
CHANGE = (
    "--severity",
    f"{RULE}=reject",
    "--threshold",
    "legal_entity.name.length:min=4",
    "--weight",
    "0201=20",
    "--limit",
    "max_rejects=0.5",
)


def test_change_goes_from_proposal_to_the_files(hub, tmp_path):  # noqa: F811
    rows = [company(3000 + place) for place in range(4)]
    blank = write_csv(tmp_path / "first.csv", [*rows[:3], rows[3] | {"住所": ""}])
    report = json.loads(hub("run", "legal_entity", "--input", str(blank), "--partition", "1", "--json").stdout)
    assert report["rules"][RULE] == {"severity": "warn", "failed": 1}

    refused = hub("rules", "propose", "legal_entity", "--severity", "legal_entity.credit_code.not_null=off", "--reason", "x")
    assert (refused.returncode, "CHANGE_REFUSED" in refused.stderr, "locked" in refused.stderr) == (1, True, True)
    assert hub("rules", "propose", "legal_entity", "--weight", "0201", "--reason", "x").returncode == 2
    proposed = json.loads(hub("rules", "propose", "legal_entity", *CHANGE, "--reason", "trial", "--operator", "a", "--json").stdout)
    assert (proposed["number"], proposed["standing"], len(proposed["edits"])) == (1, "proposed", 4)

    tried = json.loads(hub("rules", "dry-run", "1", "--json").stdout)
    assert (tried["before"]["quarantined"], tried["after"]["quarantined"], tried["batch"]) == (0, 1, report["batch"])
    assert next(one for one in tried["rules"] if one["rule"] == RULE)["severity_after"] == "reject" and len(tried["bodies"]) == 1
    assert RULE in hub("rules", "dry-run", "1").stdout

    assert hub("rules", "approve", "1", "--reason", "own", "--operator", "A").returncode == 1
    assert hub("rules", "withdraw", "1", "--reason", "not mine", "--operator", "b").returncode == 1
    assert json.loads(hub("rules", "approve", "1", "--reason", "agreed", "--operator", "b", "--json").stdout)["standing"] == "active"
    assert hub("rules", "list", "--waiting", "--json").stdout == ""
    (listed,) = (json.loads(line) for line in hub("rules", "list", "--json").stdout.splitlines())
    assert (listed["author"], listed["decided"]["actor"], listed["decided"]["act"]) == ("a", "b", "approve")

    more = write_csv(tmp_path / "second.csv", [*rows[:3], rows[3] | {"住所": "", "业务范围": "其他"}])
    again = json.loads(hub("run", "legal_entity", "--input", str(more), "--partition", "1", "--json").stdout)
    assert (again["quarantined"], again["rules"][RULE]["severity"]) == (1, "reject")
    shown = json.loads(hub("batch", "show", again["batch"], "--json").stdout)
    assert shown["report"]["changes"] == [1]

    out = tmp_path / "merged"
    for name in KINDS:
        (shutil.copytree if (PACKAGE_ROOT / name).is_dir() else shutil.copy)(PACKAGE_ROOT / name, _made(out) / name)
    exported = json.loads(hub("rules", "export", "--out", str(out), "--json").stdout)
    assert exported["files"] == ["resources/legal_entity.yaml", "rules/legal_entity.yaml", "weights.yaml"]
    assert exported["diff"] == hub("rules", "export").stdout and "+    severity: reject" in exported["diff"]
    assert load(out).weights.of("legal_entity")["0201"] == 20 and load(out).resources["legal_entity"].limits.max_rejects == 0.5


def _made(folder):
    folder.mkdir(exist_ok=True)
    return folder
