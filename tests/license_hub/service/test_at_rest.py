"""What the hub opens for data at rest, and what production refuses to start with."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from license_hub.errors import SettingsError
from license_hub.service.hub import open_hub
from license_hub.storage.volume import kind_of


@pytest.fixture
def shm(tmp_path):
    folder = Path("/dev/shm") / f"mzt-{secrets.token_hex(4)}"
    if kind_of(folder.parent) != "memory":
        pytest.skip("/dev/shm is no tmpfs here")
    yield folder
    if folder.exists():
        folder.rmdir()


def test_production_lists_everything_that_would_leave_rows_readable(options, clock, catalog):
    with pytest.raises(SettingsError) as caught:
        open_hub(replace(options, profile="production", lake_encryption="off"), clock=clock, catalog=catalog)
    named = {one.removeprefix("HUB_PROFILE=production: ").split()[0] for one in caught.value.problems}
    assert named >= {"HUB_KEK", "HUB_LAKE_ENCRYPTION", "HUB_SPILL"}


def test_production_refuses_a_kek_beside_the_keys_and_a_spill_folder_on_a_plain_disk(options, tmp_path):
    from license_hub.service.at_rest import missing

    chosen = replace(options, kek=str(options.keys / "kek"), spill=str(tmp_path))
    problems = missing(chosen)
    assert any(one.startswith("HUB_KEK lies below") for one in problems)
    assert any(one.startswith("HUB_SPILL") for one in problems) == (kind_of(tmp_path) == "plain")


def test_production_is_content_with_an_own_kek_and_tmpfs(options, shm, tmp_path):
    from license_hub.service.at_rest import missing

    assert missing(replace(options, profile="production", kek=str(tmp_path / "kek"), spill=str(shm))) == []


def test_demo_warns_of_a_spill_folder_on_a_plain_disk(options, clock, catalog, caplog):
    if kind_of(options.lake) != "plain":
        pytest.skip("the test's folder lies on no plain disk")
    open_hub(options, clock=clock, catalog=catalog).close()
    assert any("HUB_SPILL" in record.message for record in caplog.records)
