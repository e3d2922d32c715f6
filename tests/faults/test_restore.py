"""T23: an older backup comes back. What was revoked since stays refused, nothing is numbered twice, what was lost is listed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from license_hub.errors import LogDiverged
from license_hub.service.erase import Ground, erase_subject
from license_hub.service.fsck import fsck
from license_hub.service.intake import apply_pending
from license_hub.service.recover import lost_entries, recover
from license_hub.storage import tables
from tests.license_hub.service.publishing import credit_code, entity
from tests.support.cluster import Cluster, binaries, cluster, hand_over
from tests.support.processes import stop

from .aged import codes, older, publish_again
from .world import CLEAN, ROOT, World, world


@pytest.fixture
def aged(own_sqlite, tmp_path):
    """(hub whose database is the older one, publications since): one license revoked, one changed, one issued since the backup was made."""

    def since(_hub, publisher):
        publisher.publish("legal_entity", [entity(1, status="3"), entity(2, address="样例市新路8号"), entity(3), entity(4)])

    hub, rows = older(own_sqlite, tmp_path, since)
    yield hub, rows
    hub.close()


def test_t23_restored_database_neither_answers_nor_issues_before_the_log_is_replayed(aged):
    hub, rows = aged
    with pytest.raises(LogDiverged, match="hub restore replay"):
        codes(hub, [1])
    publish_again(hub, rows)
    with pytest.raises(LogDiverged, match="hub restore replay"):
        apply_pending(hub)


def test_t23_restored_database_erases_nothing_before_the_log_is_replayed(aged):
    hub, _ = aged
    with pytest.raises(LogDiverged, match="hub restore replay"):
        erase_subject(hub, credit_code(3), Ground("retention over", "样例删〔2026〕1号", credit_code(3)), "officer")
    recover(hub, hub.tiles, "test")
    assert erase_subject(hub, credit_code(3), Ground("retention over", "样例删〔2026〕1号", credit_code(3)), "officer").versions == 1
    assert fsck(hub).findings == ()


def test_t23_replayed_log_refuses_what_was_revoked_and_lists_what_was_lost(aged):
    hub, _ = aged
    done = recover(hub, hub.tiles, "test")
    assert (done.database_entries, done.log_entries, done.statuses) == (3, 6, 1)
    assert sorted(one.kind for one in done.lost) == ["change", "issue"] and list(done.lost) == lost_entries(hub)
    assert codes(hub, [1, 2, 3, 4]) == ["REVOKED", "STATUS_NOT_PROVIDED", "IN_FORCE", "NOT_FOUND"]
    with hub.engine.connect() as connection:
        assert connection.execute(sa.select(tables.status.c.act).where(tables.status.c.state == "REVOKED")).scalar_one() == "REVOKE"
    assert fsck(hub).findings == ()
    assert recover(hub, hub.tiles, "test").lost == ()


def test_t23_act_against_a_version_that_was_lost_counts_against_the_one_that_is_left(own_sqlite, tmp_path):
    def since(hub, publisher):
        rows = [entity(1, address="样例市新路8号"), entity(2, address="样例市新路8号"), entity(3, address="样例市新路8号", status="3")]
        publisher.publish("legal_entity", rows)
        publisher.publish("legal_entity", [rows[0] | {"status": "3"}, rows[1] | {"address": "样例市新路9号"}, rows[2]])
        publisher.publish("legal_entity", [rows[0] | {"status": "3"}, rows[1] | {"address": "样例市新路9号", "status": "4"}, rows[2]])

    hub, rows = older(own_sqlite, tmp_path, since)
    done = recover(hub, hub.tiles, "test")
    assert (done.statuses, sorted(one.kind for one in done.lost)) == (2, ["change"] * 4)
    assert codes(hub, [1, 2, 3]) == ["REVOKED", "WITHDRAWN", "REVOKED"]
    assert fsck(hub).findings == ()
    publish_again(hub, rows)
    apply_pending(hub)
    assert codes(hub, [1, 2, 3]) == ["REVOKED", "WITHDRAWN", "REVOKED"]
    assert fsck(hub).findings == ()
    hub.close()


def test_t6_replayed_act_whose_chain_of_lost_changes_was_made_up_proves_nothing(own_sqlite, tmp_path):
    def since(_hub, publisher):
        publisher.publish("legal_entity", [entity(1, address="样例市新路8号"), entity(2, address="样例市新路8号"), entity(3)])
        publisher.publish("legal_entity", [entity(1, address="样例市新路8号", status="3"), entity(2, address="样例市新路8号"), entity(3)])

    hub, _ = older(own_sqlite, tmp_path, since)
    recover(hub, hub.tiles, "test")
    with hub.engine.begin() as connection:
        event = connection.execute(sa.select(tables.status).where(tables.status.c.state == "REVOKED")).one()
        other = connection.execute(sa.select(tables.version.c.license_id, tables.version.c.entry).where(tables.version.c.entry == 1)).one()
        for name in ("DELETE", "UPDATE"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS hub_status_keep_{name}")
        moved = {"license_id": other.license_id, "of_entry": other.entry}
        connection.execute(sa.update(tables.status).where(tables.status.c.entry == event.entry).values(moved))
    assert codes(hub, [2]) == ["PROOF_BAD"]
    assert ("hub_status", f"entry {event.entry}") in {(one.table, one.row) for one in fsck(hub).findings}
    hub.close()


def test_t23_departments_batches_applied_again_after_a_replay_make_everything_whole(aged):
    hub, rows = aged
    recover(hub, hub.tiles, "test")
    publish_again(hub, rows)
    apply_pending(hub)
    assert codes(hub, [1, 2, 3, 4]) == ["REVOKED", "IN_FORCE", "IN_FORCE", "IN_FORCE"]
    with hub.engine.connect() as connection:
        versions = connection.execute(sa.select(tables.version.c.version).where(tables.version.c.supersedes.is_not(None))).scalars().all()
    assert versions == ["003"], "number 002 went to the version that was lost"
    assert fsck(hub).findings == ()


def test_t23_log_that_is_not_ours_or_was_changed_is_not_replayed(aged, tmp_path):
    hub, _ = aged
    log = shutil.copytree(hub.tiles.directory, tmp_path / "log")
    victim = log / "tile/entries/000.p/6"
    content = bytearray(victim.read_bytes())
    content[-3] ^= 1
    victim.write_bytes(content)
    from license_hub.log.tiles import TileStore

    with pytest.raises(Exception, match="nothing was replayed"):
        recover(hub, TileStore(log), "test")
    shutil.rmtree(log)
    with pytest.raises(LogDiverged, match="--from"):
        recover(hub, TileStore(log), "test")


def hub_command(own: World, *arguments: str, **rest) -> subprocess.CompletedProcess:
    o = own.options
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    env |= {"HUB_LAKE": str(o.lake), "HUB_KEYS": str(o.keys), "HUB_DATABASE_URL": o.database_url, "HUB_LOG_ORIGIN": o.log_origin}
    env |= {"HUB_PG_BIN": str(binaries()), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "license_hub.cli", *arguments], env=env, capture_output=True, text=True, cwd="/", **rest)


@pytest.mark.parametrize("licenses", [400, pytest.param(1_000_000, marks=pytest.mark.nightly)])
def test_t23_postgresql_lost_altogether_comes_back_whole_from_backup_and_archive_and_to_a_named_moment(
    tmp_path, catalog, licenses, record_property
):
    with cluster({"fsync": "on"}) as made, world(made, tmp_path, catalog) as own:
        archive = made.home / "archive"
        receiver = archiver(own, archive)
        try:
            with_synchronous_archive(made)
            own.deliver(licenses)
            own.settle()
            backed = hub_command(own, "backup", "make", str(made.home / "backups"), "--json")
            assert backed.returncode == 0, backed.stderr
            backup = Path(json.loads(backed.stdout)["path"])
            own.deliver(100, revoked=10)
            own.settle()
            named = hub_command(own, "backup", "point", "noon")
            assert named.returncode == 0, named.stderr
            own.deliver(50, revoked=5)
            own.settle()
            made.kill()
        finally:
            stop(receiver)
        began = time.monotonic()
        restart(own, made, backup, archive)
        assert codes(own.hub, [0, licenses, licenses + 100]) == ["REVOKED", "REVOKED", "IN_FORCE"]
        record_property("rto_s", round(time.monotonic() - began, 1))
        assert (own.account(), lost_entries(own.hub)) == (CLEAN, [])
        made.stop()
        restart(own, made, backup, archive, to="noon")
        with pytest.raises(LogDiverged):
            codes(own.hub, [0])
        done = hub_command(own, "restore", "replay", "--json")
        assert done.returncode == 0, done.stderr
        entries = licenses + 110
        nothing = {"erased": 0, "keys": 0, "audit_leaves": 0}
        assert json.loads(done.stdout) == {"database_entries": entries, "log_entries": entries + 55, "statuses": 5, "lost": 50} | nothing
        assert {one.kind for one in lost_entries(own.hub)} == {"issue"}
        assert codes(own.hub, [licenses, licenses + 10, licenses + 100]) == ["REVOKED", "IN_FORCE", "NOT_FOUND"]
        assert fsck(own.hub).findings == ()


def archiver(own: World, archive: Path) -> subprocess.Popen:
    """`hub backup wal` as a service, once it has connected."""
    archive.mkdir()
    hand_over(archive)
    o = own.options
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    env |= {"HUB_LAKE": str(o.lake), "HUB_KEYS": str(o.keys), "HUB_DATABASE_URL": o.database_url, "HUB_PG_BIN": str(binaries())}
    command = [sys.executable, "-m", "license_hub.cli", "backup", "wal", str(archive)]
    process = subprocess.Popen(command, env=env | {"PYTHONPATH": str(ROOT)}, start_new_session=True, cwd="/")
    until = time.monotonic() + 60
    while not list(archive.glob("*.partial")):
        assert process.poll() is None and time.monotonic() < until, "the archiver does not run"
        time.sleep(0.1)
    return process


def with_synchronous_archive(made: Cluster) -> None:
    engine = sa.create_engine(made.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("ALTER SYSTEM SET synchronous_standby_names = 'hub_wal'"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()


def restart(own: World, made: Cluster, backup: Path, archive: Path, to: str = "") -> Cluster:
    """docs/operations.md, step by step: lay out, give to PostgreSQL's user, no archiver to wait for yet, start."""
    shutil.rmtree(made.data)
    extra = ["--to", to] if to else []
    done = hub_command(own, "restore", "lay-out", str(backup), "--data", str(made.data), "--wal", str(archive), *extra)
    assert done.returncode == 0, done.stderr
    hand_over(made.data)
    hand_over(archive)
    with (made.data / "postgresql.auto.conf").open("a") as file:
        file.write("synchronous_standby_names = ''\n")
    made.start()
    engine = sa.create_engine(made.url("postgres"))
    until = time.monotonic() + 60
    while True:
        with engine.connect() as connection:
            if not connection.execute(sa.text("SELECT pg_is_in_recovery()")).scalar_one():
                break
        assert time.monotonic() < until
        time.sleep(0.1)
    engine.dispose()
    return made
