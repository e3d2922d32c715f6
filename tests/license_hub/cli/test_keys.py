"""`hub keys`: acts on keys, and the manifest's way to an offline root and back."""

from __future__ import annotations

import json

import pytest

from license_hub.log.note import note_key
from license_hub.signing import manifest as manifests
from tests.license_hub.cli.test_cli import delivery, hub, report  # noqa: F401 (fixtures)
from tests.license_hub.sample_hub import credit_code

ORGAN = "organ/" + credit_code(2, "11")


def listed(hub, **environ: str) -> list[dict]:  # noqa: F811
    done = hub("keys", "list", "--json", **environ)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_keys_list_shows_public_keys_alone(hub, delivery, tmp_path):  # noqa: F811
    report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json"))
    shown = listed(hub)
    assert {one["role"] for one in shown} == {"checkpoint", "status", "token", "presentation", "copy", "copy-sm2", ORGAN}
    assert all(one["signs"] and one["state"] == "active" for one in shown)
    private = [json.loads(path.read_text())["private"] for path in tmp_path.glob("keys*/**/0001.json")]
    assert len(private) == 8 and not any(one in json.dumps(shown) for one in private)


def test_keys_are_rotated_retired_and_compromised_with_the_root_at_hand(hub, delivery):  # noqa: F811
    report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json"))
    old = next(one["kid"] for one in listed(hub) if one["role"] == "checkpoint")
    done = json.loads(hub("keys", "rotate", "checkpoint", "--reason", "yearly", "--operator", "li", "--json").stdout)
    assert done["manifest"] and not done["to_sign"] and [one["state"] for one in done["keys"]] == ["active", "retired"]
    new = done["keys"][0]["kid"]
    assert hub("keys", "retire", new).returncode == 1, "the last key of its role"
    fallen = hub("keys", "compromise", new, "--reason", "lost", "--json")
    assert fallen.returncode == 0, fallen.stderr
    states = {one["kid"]: one["state"] for one in listed(hub) if one["role"] == "checkpoint"}
    assert (states[old], states[new], len(states)) == ("retired", "compromised", 3)
    handed = hub("log", "vkey").stdout.split()
    assert handed == [one["note_key"] for one in listed(hub) if one["role"] == "checkpoint" and one["state"] != "compromised"]
    assert json.loads(hub("log", "fsck", "--json").stdout)["findings"] == []
    assert hub("keys", "compromise", new, "--reason", "x", "--since", "yesterday").returncode == 1


def test_offline_root_signs_what_the_hub_exports_and_nothing_else_makes_a_key_sign(hub, delivery, tmp_path):  # noqa: F811
    root, away = str(tmp_path / "away" / "root"), tmp_path / "away"
    away.mkdir()
    pinned = hub("keys", "manifest", "root", root).stdout.strip()
    assert hub("keys", "manifest", "root", root).stdout.strip() == pinned and note_key(pinned).name.endswith("/root")
    here = {"HUB_ROOT_KEY": pinned}

    def ceremony(number: int) -> str:
        exported, signed = str(away / f"{number}.json"), str(away / f"{number}.note")
        assert hub("keys", "manifest", "export", "--out", exported, **here).returncode == 0
        assert hub("keys", "manifest", "sign", exported, "--root", root, "--out", signed).returncode == 0
        return signed

    stopped = hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json", **here)
    assert stopped.returncode == 1 and "no key of" in stopped.stderr
    assert not any(one["signs"] for one in listed(hub, **here) if one["role"] == "checkpoint")
    assert json.loads(hub("keys", "rotate", ORGAN, "--reason", "commissioned", "--json", **here).stdout)["to_sign"]
    done = hub("keys", "manifest", "import", ceremony(1), "--json", **here)
    assert json.loads(done.stdout) | {"expires_at": ""} == {"sequence": 1, "expires_at": "", "keys": 6}
    found = report(hub("run", "legal_entity", "--input", str(delivery), "--issue", "--json", **here))
    assert (found["issued"], found["log_size"]) == (5, 6), "five licenses and the organ's key"

    waiting = ceremony(2)
    made = json.loads(hub("keys", "rotate", "checkpoint", "--json", **here).stdout)["keys"]
    assert len(made) == 1 and not made[0]["signs"], "not before the root has signed it"
    imported = hub("keys", "manifest", "import", waiting, **here)
    assert imported.returncode == 0, "the root signed what was true; the new key is simply not in it yet"
    assert hub("keys", "manifest", "import", waiting, **here).returncode == 1, "not newer than the one in force"
    assert hub("keys", "manifest", "import", ceremony(3), **here).returncode == 0
    assert [one["kid"] for one in listed(hub, **here) if one["role"] == "checkpoint" and one["signs"]] == [made[0]["kid"]]
    note = hub("keys", "manifest", "show", **here).stdout
    origin = note_key(pinned).name.removesuffix("/root")
    assert manifests.verify(note, origin, [note_key(pinned)]).sequence == 3


def test_manifest_signed_before_a_compromise_is_refused_after_it(hub, tmp_path):  # noqa: F811
    root = str(tmp_path / "root")
    here = {"HUB_ROOT_KEY": hub("keys", "manifest", "root", root).stdout.strip()}
    exported, signed = str(tmp_path / "1.json"), str(tmp_path / "1.note")
    assert hub("keys", "manifest", "export", "--out", exported, **here).returncode == 0
    assert hub("keys", "manifest", "sign", exported, "--root", root, "--out", signed).returncode == 0
    kid = next(one["kid"] for one in listed(hub, **here) if one["role"] == "status")
    assert hub("keys", "compromise", kid, "--reason", "lost", **here).returncode == 0
    done = hub("keys", "manifest", "import", signed, **here)
    assert done.returncode == 1 and "export again" in done.stderr


def test_manifest_of_another_root_is_refused(hub, tmp_path):  # noqa: F811
    roots = [str(tmp_path / name) for name in ("root", "stranger")]
    pinned = [hub("keys", "manifest", "root", one).stdout.strip() for one in roots]
    here, exported, signed = {"HUB_ROOT_KEY": pinned[0]}, str(tmp_path / "1.json"), str(tmp_path / "1.note")
    assert hub("keys", "manifest", "export", "--out", exported, **here).returncode == 0
    assert hub("keys", "manifest", "sign", exported, "--root", roots[1], "--out", signed).returncode == 0
    done = hub("keys", "manifest", "import", signed, **here)
    assert done.returncode == 1 and "SIGNATURE_BAD" in done.stderr


@pytest.mark.parametrize(
    "command", ["rotate", "retire", "compromise"] + [f"manifest {one}" for one in ("export", "sign", "import", "renew")]
)
def test_help_of_every_act_teaches_by_example(hub, command):  # noqa: F811
    done = hub("keys", *command.split(), "--help")
    assert done.returncode == 0 and "Example: " in done.stdout


@pytest.mark.parametrize(("role", "command"), [("root", "hub keys manifest root"), ("witness", "hub witness init")])
@pytest.mark.parametrize("act", ["rotate", "generate", "attach"])
def test_keys_that_are_not_the_hubs_are_refused_with_the_command_that_makes_them(hub, tmp_path, role, command, act):  # noqa: F811
    file = tmp_path / "any"
    file.write_text("{}")
    more = ["--public", str(file), "--place", str(file)] if act == "attach" else []
    done = hub("keys", act, role, *more)
    assert done.returncode == 1 and "KEY_REFUSED" in done.stderr and command in done.stderr
    assert not list(tmp_path.glob(f"keys/{role}*"))
