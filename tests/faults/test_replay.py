"""T23: what besides revocations a restored database must not forget: who looked, what was erased, which keys fell, the epoch."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from license_hub.errors import BackupFault, KeyRefused, LogDiverged, SignatureBad
from license_hub.log.files import place
from license_hub.log.tiles import TileStore
from license_hub.service import change_key
from license_hub.service.back_up import back_up, lay_out
from license_hub.service.erase import Ground, erase_subject
from license_hub.service.fsck import fsck
from license_hub.service.integrate import attend
from license_hub.service.kept_manifest import NAME, keep
from license_hub.service.list_audit import list_audit
from license_hub.service.publish_manifest import newest
from license_hub.service.recover import lost_entries, recover
from license_hub.signing.manifest import KeyState
from license_hub.storage import epoch, tables
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_audit_log import audit_leaf
from tests.license_hub.service.publishing import credit_code, entity

from .aged import codes, laid_out, older

GROUND = Ground("retention over", "样例删〔2026〕1号", credit_code(3))


def kid(hub, role: str) -> str:
    return next(one.kid for one in hub.security.keys(role) if one.state is KeyState.ACTIVE)


def states(hub) -> dict[str, str]:
    with reading(hub.engine) as connection:
        hub.security.refresh(connection)
    return {one.kid: one.state.value for role in hub.security.roles for one in hub.security.keys(role)}


def test_t23_answers_are_audited_again_after_a_replay_and_lost_entries_are_listed(own_sqlite, tmp_path):
    hub, _ = older(own_sqlite, tmp_path, lambda hub, _publisher: codes(hub, [1, 2, 3]) + codes(hub, [2]))
    done = recover(hub, hub.tiles, "test")
    assert (done.audit_leaves, done.lost) == (2, ())
    assert [(one.kind, one.status) for one in lost_entries(hub)] == [("audit", "3"), ("audit", "1")]
    assert codes(hub, [1, 2]) == ["IN_FORCE", "IN_FORCE"]
    attend(hub)
    assert fsck(hub).findings == ()
    assert fsck(hub).checked["audit leaves whose entries a restore lost"] == 2
    assert [one.code for one in list_audit(hub, action="restore")] == ["REPLAYED 0", "AUDIT_LOST"]
    assert recover(hub, hub.tiles, "test").audit_leaves == 0 and len(list_audit(hub, action="restore")) == 2
    hub.close()


def test_t23_database_that_only_forgot_who_looked_answers_nothing_before_the_replay(own_sqlite, tmp_path):
    hub, _ = older(own_sqlite, tmp_path, lambda hub, _publisher: codes(hub, [1, 2, 3]))
    with pytest.raises(LogDiverged, match="hub restore replay"):
        codes(hub, [1])
    hub.close()


def test_t6_audit_rows_taken_away_are_no_loss_of_a_restore(own_sqlite, tmp_path):
    hub, _ = older(own_sqlite, tmp_path, lambda hub, _publisher: codes(hub, [1]))
    recover(hub, hub.tiles, "test")
    codes(hub, [2])
    with hub.engine.begin() as connection:
        leaf = connection.execute(sa.select(sa.func.max(audit_leaf.c.entry))).scalar_one()
        for table in ("hub_audit", "hub_audit_leaf"):
            for act in ("DELETE", "UPDATE"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_keep_{act}")
        connection.execute(sa.delete(tables.audit).where(tables.audit.c.log_entry == leaf))
        connection.execute(sa.update(audit_leaf).where(audit_leaf.c.entry == leaf).values(secret=b""))
    assert [(one.table, one.row) for one in fsck(hub).findings] == [("hub_audit", f"log_entry {leaf}")]
    hub.close()


def test_backup_holds_both_logs_and_the_key_manifest_and_puts_them_back_where_they_were_lost(own_sqlite, tmp_path):
    options, hub, publisher = own_sqlite
    publisher.publish("legal_entity", [entity(1)])
    codes(hub, [1])
    attend(hub)
    kept = [TileStore(options.lake / name).read_checkpoint() for name in ("log", "audit-log")]
    backup = back_up(hub, tmp_path / "backups", url=options.database_url)
    note = newest(hub)
    hub.close()
    for name in ("log", "audit-log"):
        shutil.rmtree(options.lake / name)
    hub = laid_out(options, hub, backup)
    assert [TileStore(options.lake / name).read_checkpoint() for name in ("log", "audit-log")] == kept
    assert (options.lake / "log" / NAME).read_text() == note
    attend(hub)
    assert fsck(hub).findings == ()
    hub.close()


def test_t23_erased_license_is_erased_before_anything_is_answered_again_and_is_not_told_as_lost(own_sqlite, tmp_path):
    options, hub, publisher = own_sqlite
    # Delivered an hour ago: a publisher's batches are named by a clock that runs ahead.
    publisher.clock -= timedelta(hours=1)

    def since(hub, _publisher):
        # The lake comes back with the database: it holds the rows once more.
        shutil.copytree(options.lake / "trusted", tmp_path / "trusted")
        erase_subject(hub, credit_code(2), GROUND, "officer")

    hub, _ = older(own_sqlite, tmp_path, since)
    shutil.copytree(tmp_path / "trusted", options.lake / "trusted", dirs_exist_ok=True)
    done = recover(hub, hub.tiles, "test")
    assert (done.erased, done.lost) == (1, ())
    assert codes(hub, [1, 2, 3]) == ["IN_FORCE", "NOT_FOUND", "IN_FORCE"]
    for path in options.lake.glob("trusted/*/*/*.parquet"):
        with hub.lake.open(path) as file:
            assert credit_code(2) not in str(pq.read_table(file).to_pydict())
    assert fsck(hub).findings == () and recover(hub, hub.tiles, "test").erased == 0
    hub.close()


@pytest.mark.parametrize("role", ["status", "checkpoint"])
def test_t27_key_that_fell_since_the_backup_stays_fallen(own_sqlite, tmp_path, role):
    fallen = []

    def since(hub, _publisher):
        fallen.append(kid(hub, role))
        change_key.compromise(hub, fallen[0], reason="stolen", operator="test")
        attend(hub)
        keep(hub)

    hub, _ = older(own_sqlite, tmp_path, since)
    assert states(hub)[fallen[0]] == "active"
    done = recover(hub, hub.tiles, "test")
    assert (done.keys, done.lost) == (2, ())
    assert states(hub)[fallen[0]] == "compromised" and kid(hub, role) != fallen[0]
    assert codes(hub, [1]) == ["IN_FORCE"]
    attend(hub)
    assert fsck(hub).findings == ()
    hub.close()


def test_t27_changes_of_keys_are_not_replayed_without_a_manifest_and_with_a_forged_one(own_sqlite, tmp_path):
    notes = []

    def since(hub, _publisher):
        change_key.compromise(hub, kid(hub, "status"), reason="stolen", operator="test")
        notes.append(newest(hub))

    hub, _ = older(own_sqlite, tmp_path, since)
    (hub.tiles.directory / NAME).unlink()
    with pytest.raises(KeyRefused, match="--manifest"):
        recover(hub, hub.tiles, "test")
    with pytest.raises(SignatureBad):
        recover(hub, hub.tiles, "test", manifest=notes[0].replace("stolen", "broken"))
    with pytest.raises(LogDiverged):
        codes(hub, [1])
    assert recover(hub, hub.tiles, "test", manifest=notes[0]).keys == 2
    hub.close()


def test_t27_change_of_a_key_that_nothing_explains_costs_the_tokens_their_keys(own_sqlite, tmp_path):
    tokens = []

    def since(hub, _publisher):
        tokens.append(kid(hub, "token"))
        change_key.compromise(hub, tokens[0], reason="stolen", operator="test")
        keep(hub)

    hub, _ = older(own_sqlite, tmp_path, since)
    done = recover(hub, hub.tiles, "test")
    assert {one.kind for one in done.lost} == {"key"}
    assert states(hub)[tokens[0]] == "compromised" and kid(hub, "token") != tokens[0]
    attend(hub)
    assert fsck(hub).findings == ()
    hub.close()


def test_t23_log_signed_by_a_compromised_key_alone_is_not_replayed(own_sqlite, tmp_path):
    old = tmp_path / "log"

    def since(hub, publisher):
        publisher.publish("legal_entity", [entity(1), entity(2), entity(3), entity(4)])
        from license_hub.service.intake import apply_pending

        apply_pending(hub)
        shutil.copytree(hub.tiles.directory, old)
        change_key.compromise(hub, kid(hub, "checkpoint"), reason="stolen", operator="test", since=hub.now().replace(year=2020))
        keep(hub)

    hub, _ = older(own_sqlite, tmp_path, since)
    with pytest.raises(LogDiverged, match="compromised"):
        recover(hub, TileStore(old), "test")
    assert recover(hub, hub.tiles, "test").keys == 2
    hub.close()


def test_t27_epoch_after_a_restore_is_above_any_that_was_given_out(own_sqlite, tmp_path):
    given = []

    def since(hub, _publisher):
        with writing(hub.engine) as connection:
            for _ in range(20):
                given.append(epoch.bump(connection))

    hub, _ = older(own_sqlite, tmp_path, since)
    with reading(hub.engine) as connection:
        assert epoch.current(connection) < given[-1]
    codes_before = recover(hub, hub.tiles, "test")
    with reading(hub.engine) as connection:
        first = epoch.current(connection)
    assert first > given[-1] and codes_before.log_entries == 3
    recover(hub, hub.tiles, "test")
    with reading(hub.engine) as connection:
        assert epoch.current(connection) > first
    hub.close()


def test_kept_manifest_is_never_replaced_by_an_older_one_nor_believed_unsigned(own_sqlite, tmp_path):
    _, hub, _ = own_sqlite
    keep(hub)
    file = hub.tiles.directory / NAME
    first = file.read_text()
    change_key.rotate(hub, "status", operator="test", reason="rotation")
    keep(hub)
    assert file.read_text() == newest(hub) != first
    place(hub.tiles.directory, {NAME: b"not a manifest"}, replace=True)
    keep(hub)
    assert file.read_text() == newest(hub)
    hub.close()


def test_moment_is_refused_where_no_archive_leads_to_it(own_sqlite, tmp_path):
    options, hub, _ = own_sqlite
    backup = back_up(hub, tmp_path / "backups", url=options.database_url)
    hub.close()
    with pytest.raises(BackupFault, match="--to"):
        lay_out(tmp_path / "backups" / backup.path.rsplit("/", 1)[1], data=tmp_path / "fresh.db", lake=tmp_path / "lake", point="noon")
    assert not (tmp_path / "fresh.db").exists()
