"""Keys of what is stored change under a working hub: everything is found before, while and after rows are moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from license_hub.errors import DecryptionError
from license_hub.service.at_rest import Vault, open_keys, open_lake
from license_hub.service.erase import Ground, erase_license
from license_hub.service.fsck import fsck
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.list_audit import list_audit
from license_hub.service.rekey import rekey
from license_hub.service.rotate_data_key import rotate
from license_hub.service.verify import VerifyRequest, verify
from license_hub.signing.commitment import instant
from license_hub.storage import tables
from license_hub.storage.rewrite import rewriting
from license_hub.storage.tables_at_rest import rewrite
from quality.reencrypt import reencrypt
from tests.license_hub.sample_hub import company, credit_code, deliver, identifier_of, options, sample_hub, write_csv

ONE, TWO = credit_code(2001), credit_code(2002)


@pytest.fixture
def hub(tmp_path, catalog, database_url):
    opened = sample_hub(tmp_path, catalog, database_url)
    yield opened
    opened.close()


def code(hub, number: str) -> str:
    return verify(hub, [VerifyRequest(type_id="business_license", number=number, holder_number=number)])[0].verdict.code.value


def rotated(hub, *names: str):
    """The hub as a worker that started after those keys were rotated."""
    keys = open_keys(options(hub.lake.root.parent))
    for name in names:
        keys.rotate(name)
    return replace(hub, data_keys=keys, vault=Vault(keys), lake=open_lake(options(hub.lake.root.parent), keys))


def kids(hub) -> set[tuple[str, object]]:
    """Which keys stored cells and indexes name."""
    with hub.engine.connect() as connection:
        found = {
            ("cell", bytes(cell)[1:9])
            for row in connection.execute(sa.select(tables.version.c.payload, tables.version.c.secret))
            for cell in row
        }
        for column in (tables.license.c.key_bi, tables.version.c.number_bi, tables.holder.c.number_bi, tables.audit.c.subject_bi):
            found |= {("index", bytes(one)[0]) for one in connection.execute(sa.select(column).where(column.is_not(None))).scalars()}
    return found


def test_everything_is_found_before_and_after_rows_move_to_new_keys(hub, tmp_path):
    assert code(hub, ONE) == "IN_FORCE"
    new = rotated(hub, "columns", "index")
    assert code(new, ONE) == "IN_FORCE" and len(list_audit(new, holder_number=ONE)) == 2
    moved = rekey(new, "operator", step=7)
    assert moved["hub_license"] == moved["hub_holder"] == 25 and moved["hub_audit"] >= 1
    assert kids(new) == {("cell", new.crypt.kid), ("index", 2)}
    assert code(new, ONE) == "IN_FORCE" and len(list_audit(new, holder_number=ONE)) == 3
    assert fsck(new).findings == ()
    assert set(rekey(new, "operator").values()) == {0}
    with new.engine.connect() as connection:
        assert not connection.execute(sa.select(rewrite.c.id).where(rewrite.c.open)).first()


def test_deliveries_between_a_new_key_and_the_moving_of_rows_find_their_licenses(hub, tmp_path):
    new = rotated(hub, "columns", "index")
    rows = [company(2000 + place, **({"单位名称": "样例改名贸易有限公司"} if place == 1 else {})) for place in range(20)]
    rows += [company(1000 + place, status) for place, status in enumerate("12345")]
    deliver(new, write_csv(tmp_path / "second.csv", rows))
    with new.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.license)).scalar_one() == 25
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.version)).scalar_one() == 26
    assert (code(new, ONE), fsck(new).findings) == ("IN_FORCE", ())
    rekey(new, "operator", step=3)
    assert (code(new, ONE), code(new, TWO), fsck(new).findings) == ("IN_FORCE", "IN_FORCE", ())


def test_t19_audit_entries_moved_twice_still_agree_with_their_log_and_a_changed_one_is_named(hub):
    assert code(hub, ONE) == code(hub, TWO) == "IN_FORCE"
    for names in (("index",), ("columns", "index")):
        new = rotated(hub, *names)
        assert rekey(new, "operator", step=2)["hub_audit"] >= 2
    assert set(rekey(new, "operator").values()) == {0} and fsck(new).findings == ()
    with rewriting(new.engine, "reindex", "test", instant(new.now())) as work:
        stored = sa.select(tables.audit.c.seq, tables.audit.c.subject_bi).where(tables.audit.c.subject_bi.is_not(None))
        one, two = work.connection.execute(stored.order_by(tables.audit.c.seq)).all()[:2]
        assert one.subject_bi != two.subject_bi
        work.connection.execute(sa.update(tables.audit).where(tables.audit.c.seq == one.seq).values(subject_bi=two.subject_bi))
    assert [(found.table, found.row) for found in fsck(new).findings] == [("hub_audit", f"seq {one.seq}")]


def test_process_that_runs_through_a_rotation_finds_what_is_new_and_issues_nothing_twice(hub, tmp_path):
    chosen = options(tmp_path, hub.engine.url.render_as_string(hide_password=False))
    other = open_hub(chosen, clock=hub.clock, catalog=hub.catalog)
    assert code(other, ONE) == "IN_FORCE"
    rotate(hub, "index", "operator")
    hub = open_hub(chosen, clock=hub.clock, catalog=hub.catalog)
    rows = [company(2000 + place) for place in range(20)] + [company(1000 + place, status) for place, status in enumerate("12345")]
    deliver(hub, write_csv(tmp_path / "second.csv", [*rows, company(3000)]))
    assert code(other, credit_code(3000)) == "IN_FORCE" and code(other, ONE) == "IN_FORCE"
    rekey(hub, "operator")
    rotate(hub, "index", "operator")
    rekey(hub, "operator")
    # The other's own look-up is its first since: what it issues must find the licenses of before.
    deliver(other, write_csv(tmp_path / "third.csv", [*rows, company(3000), company(3001)]))
    with hub.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.license)).scalar_one() == 27
    assert (code(hub, credit_code(3001)), fsck(hub).findings) == ("IN_FORCE", ())
    other.close()
    hub.close()


def test_worker_of_before_reads_cells_of_a_key_made_since(hub):
    new = rotated(hub, "columns")
    rekey(new, "operator")
    assert code(hub, ONE) == "IN_FORCE"


def test_killed_half_way_the_next_run_goes_on(hub, monkeypatch):
    from license_hub.service import rekey as module

    new, calls = rotated(hub, "columns", "index"), []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return real(*arguments)

    real = module._version
    with monkeypatch.context() as patched:
        patched.setattr(module, "_version", failing)
        with pytest.raises(KeyboardInterrupt):
            rekey(new, "operator", step=4)
    assert len(kids(new)) == 4 and (code(new, ONE), fsck(new).findings) == ("IN_FORCE", ())
    rekey(new, "operator", step=4)
    assert kids(new) == {("cell", new.crypt.kid), ("index", 2)} and fsck(new).findings == ()


def test_erased_licenses_stay_erased_through_a_rekey(hub):
    identifier = identifier_of(hub, ONE)
    erase_license(hub, identifier, Ground("test", "样例删〔2026〕3号", credit_code(2, "11")), "officer")
    new = rotated(hub, "columns", "index")
    rekey(new, "operator")
    assert verify(new, [VerifyRequest(identifier=identifier)])[0].verdict.code == "ERASED"
    assert fsck(new).findings == ()


def test_lake_files_move_to_a_new_key_and_a_plain_lake_becomes_encrypted(hub, tmp_path):
    new = rotated(hub, "lake")
    assert reencrypt(new.lake) >= 4 and reencrypt(new.lake) == 0
    only = replace(new.lake, keys=replace(new.lake.keys, keys={new.lake.keys.current: new.lake.keys.keys[new.lake.keys.current]}))
    for path in only.root.glob("*/*/*/*.parquet"):
        only.open(path).close()
    assert apply_pending(new).publications == 0


def test_dump_without_its_keys_opens_nothing(hub):
    stranger = replace(hub.crypt, data_key=bytes(32), reload=None)
    with hub.engine.connect() as connection:
        cell = connection.execute(sa.select(tables.version.c.payload).limit(1)).scalar_one()
    with pytest.raises(DecryptionError):
        stranger.decrypt("hub_version", "payload", 0, cell)
