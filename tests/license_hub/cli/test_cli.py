"""`hub` as a person and a script meet it: a process, its stdout, its stderr, its exit code."""

from __future__ import annotations

import csv
import json
import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from jwt.algorithms import OKPAlgorithm
from typer.testing import CliRunner

from license_hub.cli import app
from license_hub.commands.run import KEYS
from tests.license_hub.caller import Key
from tests.license_hub.sample_hub import company, credit_code, write_csv


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Runs `hub …` over a lake of its own, in this process: imports are paid once. `test_entry_point_…` runs the real thing."""
    for name in [one for one in os.environ if one.startswith("HUB_")]:
        monkeypatch.delenv(name)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str, given: str = "", **environ: str) -> Done:
        done = CliRunner().invoke(app, list(arguments), input=given, env=environ)
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        return Done(done.exit_code, done.stdout, done.stderr)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def environment(folder: Path) -> dict[str, str]:
    here = {"HUB_LAKE": str(folder / "lake"), "HUB_KEYS": str(folder / "keys"), "HUB_WORKERS": "0"}
    return here | {"NO_COLOR": "1", "COLUMNS": "200", "TERMINAL_WIDTH": "200"}


@pytest.fixture
def delivery(tmp_path):
    """A file of five sample companies."""
    return write_csv(tmp_path / "legal_entity_1.csv", [company(3000 + place) for place in range(5)])


def report(process: Done) -> dict:
    """The one JSON object of stdout, which holds nothing else."""
    assert process.returncode in (0, 3), process.stderr
    assert process.stdout.count("\n") == 1
    return json.loads(process.stdout)


def test_run_prints_exactly_the_promised_keys_and_issues(hub, delivery):
    done = hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json")
    found = report(done)
    assert tuple(found) == KEYS
    assert (found["read"], found["trusted"], found["quarantined"], found["issued"], found["log_size"]) == (5, 5, 0, 5, 5)
    assert (found["gate"], found["published"], found["noop"], found["publication"]) == ("pass", True, False, 1)
    assert found["checkpoint"] and Path(found["quarantine"]).name == "rows.parquet"
    assert set(found["rules"]["legal_entity.credit_code.check_digit"]) == {"severity", "failed"}
    assert {"land", "issue"} <= found["seconds"].keys()


def test_run_of_the_same_rows_again_is_a_no_op_that_repeats_the_head(hub, delivery):
    first = report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json"))
    again = report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json"))
    assert again["noop"] and not again["published"]
    for name in ("publication", "read", "trusted", "quarantined", "superseded", "deleted", "log_size", "checkpoint"):
        assert again[name] == first[name], name
    assert (again["issued"], again["versions"], again["held"]) == (0, 0, 0)


def test_status_list_is_published_and_checked(hub, delivery):
    report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json"))
    missing = hub("status-list", "check", "--json")
    assert missing.returncode == 5 and json.loads(missing.stdout)["missing"]
    made = hub("status-list", "publish", "--json")
    assert (made.returncode, json.loads(made.stdout)["changed"]) == (0, True)
    found = hub("status-list", "check", "--json")
    assert (found.returncode, json.loads(found.stdout)["counts"]["VALID"], json.loads(found.stdout)["faults"]) == (0, 5, [])
    assert "fresh" in hub("status-list", "check").stdout


def test_run_without_issue_leaves_the_log_alone(hub, delivery):
    found = report(hub("run", "legal_entity", "--input", str(delivery), "--json"))
    assert (found["published"], found["issued"], found["log_size"], found["checkpoint"]) == (True, 0, 0, None)


def test_run_with_lake_keeps_its_database_in_that_lake(hub, delivery, tmp_path):
    report(hub("run", "legal_entity", "--input", str(delivery), "--lake", str(tmp_path / "other"), "--json"))
    assert (tmp_path / "other" / "hub.db").is_file() and not (tmp_path / "lake" / "hub.db").exists()


def bad_delivery(tmp_path: Path) -> Path:
    """More rejects than the gate lets pass."""
    rows = [company(3100 + place) for place in range(6)]
    rows += [company(3200 + place, **{"统一社会信用代码": f"91990101CANARY00{place}I"}) for place in range(6)]
    return write_csv(tmp_path / "bad.csv", rows)


def test_run_stopped_by_the_gate_exits_3_with_report_and_whole_quarantine(hub, tmp_path):
    done = hub("run", "legal_entity", "--input", str(bad_delivery(tmp_path)), "--issue", "--json")
    found = report(done)
    assert done.returncode == 3
    assert (found["gate"], found["published"], found["read"], found["quarantined"], found["issued"]) == ("stopped", False, 12, 6, 0)
    assert "hub batch approve" in done.stderr and "CANARY" not in done.stderr
    export = hub("quarantine", "export", found["batch"])
    rows = list(csv.DictReader(export.stdout.splitlines()))
    assert len(rows) == 6 and all("legal_entity.credit_code" in one["failed_rules"] and one["sentences"] for one in rows)
    assert rows[0]["统一社会信用代码"] == "91990101CANARY000I"


def test_run_with_accepted_rejects_publishes_and_names_who(hub, tmp_path):
    done = hub("run", "legal_entity", "--input", str(bad_delivery(tmp_path)), "--accept-rejects", "--operator", "operator-a", "--json")
    found = report(done)
    assert (done.returncode, found["gate"], found["published"], found["trusted"]) == (0, "accepted", True, 6)
    listed = [json.loads(line) for line in hub("batch", "list", "--json").stdout.splitlines()]
    assert [one["batch"] for one in listed] == [found["batch"]]
    assert "operator-a" in hub("batch", "show", found["batch"], "--json").stdout


def test_run_in_production_refuses_to_accept_rejects(hub, tmp_path):
    done = hub("run", "legal_entity", "--input", str(bad_delivery(tmp_path)), "--accept-rejects", "--json", HUB_PROFILE="production")
    assert (done.returncode, done.stdout) == (1, "")
    assert "not allowed in production" in done.stderr and "hub batch approve" in done.stderr


def test_batch_approved_by_a_second_name_is_published(hub, tmp_path):
    batch = report(hub("run", "legal_entity", "--input", str(bad_delivery(tmp_path)), "--json", HUB_OPERATOR="first"))["batch"]
    stopped = [json.loads(line)["batch"] for line in hub("batch", "list", "--stopped", "--json").stdout.splitlines()]
    assert stopped == [batch]
    own = hub("batch", "approve", batch, "--reason", "checked", HUB_OPERATOR="first")
    assert own.returncode == 1 and own.stderr.strip()
    done = hub("batch", "approve", batch, "--reason", "checked with the registrar", "--json", HUB_OPERATOR="second")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"] is True
    assert not hub("batch", "list", "--stopped", "--json").stdout


@pytest.mark.parametrize(
    "arguments", [("verify",), ("verify", "--type", "business_license", "--number", "1"), ("run", "legal_entity"), ("nonsense",)]
)
def test_wrong_usage_exits_2_and_says_what_is_missing(hub, arguments):
    done = hub(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip()


def test_faults_are_one_line_on_stderr_and_exit_1(hub, delivery, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text("单位名称,别的\n某某canary公司,1\n", "utf-8")
    for arguments, word in (
        (("run", "no_such", "--input", str(delivery)), "no_such"),
        (("run", "legal_entity", "--input", str(broken), "--json"), "broken.csv"),
        (("quarantine", "export", "legal_entity-20261121T000000-00000000"), "hub batch list"),
        (("clients", "disable", "nobody"), "nobody"),
    ):
        done = hub(*arguments)
        assert (done.returncode, done.stdout) == (1, ""), (arguments, done.stdout, done.stderr)
        assert word in done.stderr and "canary" not in done.stderr and "Traceback" not in done.stderr


def test_wrong_setting_names_every_variable_and_no_value(hub):
    done = hub("config", "show", HUB_PORT="eighty", HUB_DATABASE_URL="mysql://user:canary@host/db")
    assert done.returncode == 1
    assert "HUB_PORT" in done.stderr and "HUB_DATABASE_URL" in done.stderr and "canary" not in done.stderr


def test_config_shows_every_setting_with_secrets_masked(hub):
    shown = json.loads(hub("config", "show", "--json", HUB_DATABASE_URL="postgresql://user:canary@host/db").stdout)
    assert shown["database_url"] == "***" and shown["port"] == "8080"


def test_verify_exit_code_and_body_follow_the_verdict(hub, tmp_path):
    rows = [company(3000), company(3001, status="3")]
    report(hub("run", "legal_entity", "--input", str(write_csv(tmp_path / "two.csv", rows)), "--issue", "--json"))
    for number, code, exit_code in ((3000, "IN_FORCE", 0), (3001, "REVOKED", 4), (3999, "NOT_FOUND", 5)):
        typed = f"{credit_code(number)}\n{credit_code(number)}\n"
        done = hub("verify", "--type", "business_license", "--number", "-", "--holder-number", "-", "--json", given=typed)
        assert (done.returncode, json.loads(done.stdout)["code"]) == (exit_code, code), done.stderr
    wrong = hub(
        "verify", "--type", "business_license", "--number", credit_code(3000), "--holder-number", credit_code(3000), "--claim", "名称=别的"
    )
    assert wrong.returncode == 4 and "CONTENT_MISMATCH" in wrong.stdout
    actions = [json.loads(line) for line in hub("audit", "--json").stdout.splitlines()]
    assert [one["code"] for one in actions][:4] == ["CONTENT_MISMATCH", "NOT_FOUND", "REVOKED", "IN_FORCE"]
    assert all(one["actor"].startswith("cli:") for one in actions[:4])
    assert credit_code(3000) not in json.dumps(actions)
    # Who looked is found by the holder, also behind a new index key.
    for turn in range(2):
        about = hub("audit", "--subject", "--json", given=f"{credit_code(3001)}\n")
        assert [json.loads(line)["code"] for line in about.stdout.splitlines() if line.startswith("{")] == ["REVOKED"], turn
        assert hub("data-keys", "rotate", "index", "--json").returncode == 0


def test_log_checkpoint_and_fsck_over_a_sound_log_and_a_damaged_one(hub, delivery, tmp_path):
    report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json"))
    note = hub("log", "checkpoint")
    assert note.stdout.splitlines()[1] == "5" and note.stdout.splitlines()[4].startswith("— ")
    sound = hub("log", "fsck", "--json")
    assert (sound.returncode, json.loads(sound.stdout)["findings"]) == (0, [])
    [tile] = (tmp_path / "lake" / "log" / "tile" / "0").rglob("5")
    data = bytearray(tile.read_bytes())
    data[7] ^= 1
    tile.chmod(0o644)
    tile.write_bytes(data)
    damaged = hub("log", "fsck", "--json")
    assert damaged.returncode == 6 and json.loads(damaged.stdout)["findings"]


def test_clients_are_added_listed_and_shut_out(hub, tmp_path):
    key = tmp_path / "client.jwk.json"
    key.write_text(json.dumps(Key().jwk))
    done = hub("clients", "add", "counter 7", "--key", str(key), "--scope", "license:verify", "--type", "food_permit")
    client_id = done.stdout.strip()
    assert done.returncode == 0 and len(client_id) == 36, done.stderr
    [listed] = [json.loads(line) for line in hub("clients", "list", "--json").stdout.splitlines()]
    assert (listed["client_id"], listed["scopes"], listed["types"], listed["disabled_at"]) == (
        client_id,
        ["license:verify"],
        ["food_permit"],
        None,
    )
    assert hub("clients", "disable", client_id).returncode == 0
    assert json.loads(hub("clients", "list", "--json").stdout)["disabled_at"]


def test_clients_add_refuses_a_private_key(hub, tmp_path):
    key = Key()
    path = tmp_path / "private.jwk.json"
    path.write_text(OKPAlgorithm.to_jwk(key.private))
    done = hub("clients", "add", "x", "--key", str(path))
    assert done.returncode == 1 and "private" in done.stderr


def test_quarantine_export_makes_no_formula_and_a_private_file(hub, tmp_path):
    extra = {"=1+1": "a column the source added"}
    rows = [company(3300 + place) | extra for place in range(6)]
    rows.append(company(3400, **{"统一社会信用代码": "X", "单位名称": "=HYPERLINK(1)", "住所": "＋1", "业务范围": "  =2+2"}) | extra)
    batch = report(hub("run", "legal_entity", "--input", str(write_csv(tmp_path / "f.csv", rows)), "--json"))["batch"]
    out = tmp_path / "rejected.csv"
    assert hub("quarantine", "export", batch, "--output", str(out)).returncode == 0
    assert out.stat().st_mode & 0o777 == 0o600
    with out.open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["单位名称"], row["住所"], row["业务范围"]) == ("'=HYPERLINK(1)", "'＋1", "'  =2+2")
    assert "'=1+1" in row, "a header is a cell too"
    assert hub("quarantine", "export", batch, "--output", str(out)).returncode == 1, "an existing file is never overwritten"
    lines = hub("quarantine", "export", batch, "--format", "json").stdout.splitlines()
    assert json.loads(lines[0])["单位名称"] == "=HYPERLINK(1)"
    for other in ("../../etc", "legal_entity-../../x"):
        assert hub("quarantine", "export", other).returncode == 1


@pytest.mark.parametrize(
    "command", ["run", "verify", "audit", "serve", "batch approve", "quarantine export", "clients add", "log fsck", "keys list"]
)
def test_help_of_a_command_teaches_by_example(hub, command):
    done = hub(*command.split(), "--help")
    assert done.returncode == 0 and "Example: " in done.stdout


@pytest.mark.parametrize("name", ["HUB_PORT", "HUB_METRICS_PORT"])
def test_serve_on_a_taken_port_says_which_setting_to_change(hub, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = hub("serve", **{name: str(taken.getsockname()[1])})
    assert done.returncode == 1 and f"set {name}" in done.stderr


def test_help_imports_nothing_heavy():
    heavy = ("duckdb", "sqlalchemy", "pyarrow", "fastapi", "cryptography", "jwt")
    code = f"import sys, license_hub.cli; print([one for one in {heavy} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_entry_point_as_installed_keeps_json_on_stdout_alone(delivery, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    command = [str(Path(sys.executable).with_name("hub")), "run", "legal_entity", "--input", str(delivery), "--issue", "--json"]
    done = subprocess.run(command, env=kept | environment(tmp_path), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert tuple(json.loads(done.stdout)) == KEYS and done.stdout.count("\n") == 1
    assert "InsecureDevSigner" in done.stderr
