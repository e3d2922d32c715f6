from __future__ import annotations

import json

import pytest

from license_hub.errors import NoteMalformed, WitnessFault
from license_hub.log.cosignature import ED25519, ML_DSA_44
from license_hub.witness import keys
from license_hub.witness.state import State

from .conftest import LOG_KEYS, NAME, Log


def test_directory_is_for_its_own_user_alone(directory):
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o777 for one in directory.iterdir() if one.is_file()} == {0o600}


def test_identity_reads_back_with_one_key_of_each_kind(directory):
    found = keys.load(directory)
    assert (found.name, [one.alg for one in found.keys]) == (NAME, [ED25519, ML_DSA_44])
    assert found.keys == keys.load(directory).keys


def test_second_witness_in_one_directory_is_refused(directory):
    with pytest.raises(WitnessFault, match="already"):
        keys.make(directory, "witness.example/w2")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "x" * 256])
def test_name_that_is_no_key_name_is_refused(tmp_path, name):
    with pytest.raises(NoteMalformed):
        keys.make(tmp_path / "new", name)


def test_key_that_others_may_read_is_refused(directory):
    (directory / "ed25519.json").chmod(0o644)
    with pytest.raises(WitnessFault, match="others may read"):
        keys.load(directory)


@pytest.mark.parametrize("change", [{"private": "AA=="}, {"kid": "0" * 16}, {"role": "log"}, {"alg": "ML-DSA-44"}, {"private": "?"}])
def test_damaged_key_file_is_refused(directory, change):
    path = directory / "ed25519.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(WitnessFault, match="ed25519.json"):
        keys.load(directory)


def test_trusting_a_log_twice_lists_it_once(directory):
    keys.trust(directory, LOG_KEYS[0].text)
    assert keys.logs(directory) == {LOG_KEYS[0].name: LOG_KEYS}


def test_witness_that_lost_what_it_saw_does_not_start(directory):
    (directory / "seen").rmdir()
    with pytest.raises(WitnessFault, match="restore it"):
        State(directory)


def test_two_processes_never_share_a_directory(directory):
    first = State(directory)
    with pytest.raises(WitnessFault, match="another witness"):
        State(directory)
    first.close()
    State(directory).close()


def test_damaged_state_is_never_taken_for_a_fresh_start(directory):
    state = State(directory)
    state.keep(Log().head(5))
    state.close()
    [file] = (directory / "seen").iterdir()
    for damage in (b"", b"x", file.read_bytes().replace(b"log.example/test\n5", b"log.example/evil\n5", 1)):
        file.write_bytes(damage)
        again = State(directory)
        with pytest.raises(WitnessFault, match="damaged"):
            again.last(Log().origin)
        again.close()
