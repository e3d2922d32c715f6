"""Data keys under a KEK, in a file and in a real PKCS#11 token (SoftHSM)."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import secrets
import shutil
from pathlib import Path

import pytest

from license_hub.errors import KeyFault
from license_hub.signing.datakeys import NAMES, DataKeys
from license_hub.signing.files import create_form
from license_hub.signing.kek import FileKek, open_kek


def kek_file(folder: Path, name: str = "kek") -> Path:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def token(softhsm) -> str:
    """PKCS#11 URI of an AES key in a SoftHSM token."""
    return f"pkcs11:token={softhsm.place['token']};object=hub-kek?module-path={softhsm.module}&pin-source={softhsm.place['pin_file']}"


def test_kek_in_a_token_cannot_leave_it(token, softhsm):
    import pkcs11

    found = pkcs11.lib(softhsm.module).get_token(token_label="hub")
    try:
        session = found.open(user_pin=Path(softhsm.place["pin_file"]).read_text())
    except pkcs11.UserAlreadyLoggedIn:
        session = found.open()
    with session:
        key = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label="hub-kek")
        assert key[pkcs11.Attribute.EXTRACTABLE] is False and key[pkcs11.Attribute.SENSITIVE] is True
        with pytest.raises(pkcs11.PKCS11Error):
            _ = key[pkcs11.Attribute.VALUE]


def test_key_is_made_once_and_lies_wrapped(folder):
    keys = DataKeys(folder, [open_kek("", folder)])
    for name in NAMES:
        (made,) = keys.of(name)
        stored = (folder / "data" / f"{name}-0001.json").read_bytes()
        assert DataKeys(folder, [open_kek("", folder)]).of(name) == (made,)
        assert made.key not in stored and base64.b64encode(made.key) not in stored and made.key.hex().encode() not in stored
        assert repr(made.key) not in repr(made)


def test_rotated_key_is_current_and_the_former_stays(folder):
    keys = DataKeys(folder, [open_kek("", folder)])
    (first,) = keys.of("columns")
    newest = keys.rotate("columns")
    assert keys.of("columns") == (first, newest) and first.key != newest.key
    assert [row["current"] for row in keys.shown()] == [False, True]


def test_rewrap_changes_the_kek_and_no_key(tmp_path, folder):
    old, new = FileKek(kek_file(tmp_path, "old")), FileKek(kek_file(tmp_path, "new"))
    running = DataKeys(folder, [old])
    before = {name: running.of(name) for name in NAMES}
    with pytest.raises(KeyFault, match="HUB_KEK_BEFORE"):
        DataKeys(folder, [new]).of("columns")
    both = DataKeys(folder, [new, old])
    assert (both.rewrap(), both.rewrap()) == (len(NAMES), 0)
    assert {name: DataKeys(folder, [new]).of(name) for name in NAMES} == before
    with pytest.raises(KeyFault):
        running.of("columns")


def test_key_file_put_in_anothers_place_is_refused(folder):
    keys = DataKeys(folder, [open_kek("", folder)])
    keys.of("columns"), keys.of("lake")
    shutil.copy(folder / "data/lake-0001.json", folder / "data/columns-0001.json")
    with pytest.raises(KeyFault):
        keys.of("columns")
    path = folder / "data/lake-0001.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"wrapped": base64.b64encode(bytes(60)).decode()}))
    with pytest.raises(KeyFault, match="not wrapped by this KEK"):
        keys.of("lake")


def test_kek_that_others_may_read_or_that_is_none_is_refused(tmp_path):
    path = kek_file(tmp_path)
    path.write_text("no key")
    with pytest.raises(KeyFault, match="64 hex digits"):
        FileKek(path)
    path.chmod(0o644)
    with pytest.raises(KeyFault, match="others may read"):
        FileKek(path)


def test_development_kek_is_not_made_where_it_may_not(folder):
    with pytest.raises(KeyFault, match="HUB_KEK"):
        open_kek("", folder, make=False)
    assert open_kek("", folder).insecure


@pytest.mark.parametrize("uri", ["pkcs11:token=a", "pkcs11:token=a;object=b", "pkcs11:token=a;object=b?module-path=/x"])
def test_pkcs11_uri_that_lacks_a_part_says_which(folder, uri):
    with pytest.raises(KeyFault, match="lacks"):
        open_kek(uri, folder)


def test_kek_in_a_token_wraps_and_unwraps_and_another_object_does_not(token, folder):
    keys = DataKeys(folder, [open_kek(token, folder)])
    made = keys.of("columns")
    assert DataKeys(folder, [open_kek(token, folder)]).of("columns") == made
    other = open_kek(token.replace("hub-kek", "other-kek"), folder)
    content = json.loads((folder / "data/columns-0001.json").read_text())
    with pytest.raises(KeyFault, match="answers"):
        other.unwrap(base64.b64decode(content["wrapped"]), f"columns/{content['kid']}")
    missing = open_kek(token.replace("object=hub-kek", "object=none"), folder)
    with pytest.raises(KeyFault, match="NoSuchKey"):
        missing.wrap(bytes(32), "columns/x")


def test_keys_move_from_a_file_into_a_token(token, tmp_path, folder):
    old = FileKek(kek_file(tmp_path))
    before = DataKeys(folder, [old]).of("lake")
    assert DataKeys(folder, [open_kek(token, folder), old]).rewrap() == 1
    assert DataKeys(folder, [open_kek(token, folder)]).of("lake") == before


@pytest.mark.parametrize(("before", "name"), [("data", "columns"), ("index", "index"), ("status", "status")])
def test_key_in_the_open_of_an_older_hub_is_taken_over_and_removed(folder, before, name):
    path, was = folder / "symmetric" / f"{before}.json", bytes(range(32))
    create_form(path, {"v": 1, "name": before, "key": base64.b64encode(was).decode()}, folder)
    keys = DataKeys(folder, [open_kek("", folder)])
    assert keys.of(name)[0].key == was and not path.exists()


def test_key_of_the_places_in_status_lists_is_wrapped_and_never_rotated(folder):
    keys = DataKeys(folder, [open_kek("", folder)])
    made = keys.of("status")[0].key
    assert base64.b64encode(made) not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    with pytest.raises(KeyFault, match="not rotated"):
        keys.rotate("status")


def _first(folder: Path, answers) -> None:
    answers.put([DataKeys(folder, [open_kek("", folder)]).of(name)[0].key for name in NAMES])


def test_processes_starting_together_make_one_key(folder):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    workers = [context.Process(target=_first, args=(folder, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert all(one == found[0] for one in found) and len(os.listdir(folder / "data")) == len(NAMES)
