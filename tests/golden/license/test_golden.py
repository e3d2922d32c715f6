"""The golden license: rebuilt byte for byte, verified, and every broken twin refused for the reason it stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from license_hub.domain.lifecycle import State
from license_hub.errors import BundleMalformed
from license_hub.log.checkpoint import parse
from license_hub.log.proof import root_at
from license_hub.log.tiles import TileStore
from license_hub.signing import bundle as bundles

from .build import FOLDER, golden, read_case

CASE = read_case()
MADE = golden(CASE)
NAMES = ("build.py", "case.yaml", "test_golden.py", "__init__.py")


def stored(path: str) -> bytes:
    return (FOLDER / path).read_bytes()


@pytest.mark.parametrize("path", sorted(MADE))
def test_golden_file_is_rebuilt_byte_for_byte(path):
    assert MADE[path] == stored(path)


def test_golden_folder_has_no_other_files():
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert found == set(MADE) | set(NAMES)


@pytest.mark.parametrize("path", ["whole.license.json", "partly.license.json"])
def test_golden_bundle_verifies_in_every_step(path):
    bundle = bundles.read(stored(path))
    report = bundles.verify_bundle(bundle, CASE.trust, CASE.now)
    assert [step.name for step in report.steps] == ["identifier", "content", "leaf", "seal", "log"]
    assert (report.failed, report.good, report.by_dates) == ((), True, None)
    assert bundles.write(bundle) == stored(path)


def test_golden_bundle_that_shows_some_fields_hides_the_others():
    bundle = bundles.read(stored("partly.license.json"))
    assert set(bundle.fields) == {*CASE.content["shown"], "ZZBS"}
    for name, value in CASE.committed().items():
        # The issuer's code stays readable: it is a part of the identifier, as are the type code and nothing of the holder.
        if name not in bundle.fields and name not in ("ZZLXDM", "ZZBFJGDM") and len(value) > 3:
            assert value.encode() not in stored("partly.license.json"), name


def test_golden_log_gives_the_root_of_its_checkpoint():
    head = parse(stored("log/checkpoint").decode())
    assert root_at(TileStore(FOLDER / "log"), head.size) == head.root


@pytest.mark.parametrize("name", sorted(CASE.content["broken"]))
def test_broken_twin_is_refused_in_exactly_its_steps(name):
    data, wanted = stored(f"broken/{name}.license.json"), CASE.content["broken"][name]
    if wanted == "malformed":
        with pytest.raises(BundleMalformed):
            bundles.read(data)
        return
    report = bundles.verify_bundle(bundles.read(data), CASE.trust, CASE.now)
    assert list(report.failed) == wanted
    assert not report.good and all(step.fault for step in report.steps if not step.good)


@pytest.mark.parametrize(
    ("moment", "failed", "by_dates"),
    [
        (CASE.now - timedelta(seconds=1), ("leaf",), None),
        (CASE.now, (), None),
        (datetime(2056, 1, 4, 15, 59, 59, tzinfo=UTC), (), None),
        (datetime(2056, 1, 4, 16, 0, 0, tzinfo=UTC), (), State.EXPIRED),
    ],
)
def test_golden_bundle_at_another_moment(moment, failed, by_dates):
    report = bundles.verify_bundle(bundles.read(stored("whole.license.json")), CASE.trust, moment)
    assert (report.failed, report.by_dates) == (failed, by_dates)


def test_golden_bundle_with_any_byte_flipped_is_refused():
    data = stored("whole.license.json")
    for place in range(len(data)):
        twin = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        try:
            report = bundles.verify_bundle(bundles.read(twin), CASE.trust, CASE.now)
        except BundleMalformed:
            continue
        assert not report.good, place
