"""Erasure: what a license said is gone everywhere, that there was one stays provable, and a restore does not bring it back."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from license_hub.errors import IntakeError
from license_hub.service.erase import Ground, erase_license, erase_subject
from license_hub.service.fsck import fsck
from license_hub.service.intake import apply_pending
from license_hub.service.reapply import reapply
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables import holder, leaf, license, version
from license_hub.storage.tables_at_rest import erased_row, erasure, rewrite
from tests.license_hub.sample_hub import company, credit_code, deliver, identifier_of, sample_hub, write_csv

GROUND = Ground("retention over", "样例删〔2026〕1号", credit_code(2, "11"))
GONE, OTHER = credit_code(2003), credit_code(2004)


@pytest.fixture
def hub(tmp_path, catalog, database_url):
    opened = sample_hub(tmp_path, catalog, database_url)
    yield opened
    opened.close()


def code(hub, number: str | None = None, identifier: str | None = None) -> str:
    asked = (
        VerifyRequest(identifier=identifier)
        if identifier
        else VerifyRequest(type_id="business_license", number=number, holder_number=number)
    )
    return verify(hub, [asked])[0].verdict.code.value


def lake_cells(hub) -> str:
    """Every text of every file of rows in the lake."""
    found = []
    for path in sorted(hub.lake.root.glob("*/*/*/*.parquet")):
        with hub.lake.open(path) as file:
            found.append(str(pq.read_table(file).to_pydict()))
    return "\n".join(found)


def test_erased_license_is_told_as_erased_and_nothing_of_it_is_left(hub):
    identifier = identifier_of(hub, GONE)
    assert (code(hub, identifier=identifier), GONE in lake_cells(hub)) == ("IN_FORCE", True)
    done = erase_license(hub, identifier, GROUND, "officer")
    assert (done.versions, done.identifiers) == (1, [identifier]) and done.lake_rows >= 2
    assert code(hub, identifier=identifier) == "ERASED" and code(hub, GONE) == "NOT_FOUND"
    assert code(hub, OTHER) == "IN_FORCE"
    text = lake_cells(hub)
    assert GONE not in text and "样例第2003号贸易有限公司" not in text and OTHER in text
    with reading(hub.engine) as connection:
        row = connection.execute(sa.select(version).where(version.c.identifier == identifier)).one()
        assert (bytes(row.payload), bytes(row.secret), bytes(row.number_bi)) == (b"", b"", bytes(32))
        holders = connection.execute(sa.select(holder.c.number_bi).where(holder.c.entry == row.entry)).scalars().all()
        assert set(map(bytes, holders)) == {bytes(32)}


def test_fsck_after_an_erasure_reports_it_as_erased_and_finds_nothing(hub):
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    report = fsck(hub)
    assert report.findings == ()
    assert (report.checked["erased versions"], report.checked["hub_erasure"]) == (1, 1)


def test_erasing_again_changes_nothing_and_an_unknown_identifier_is_refused(hub):
    identifier = identifier_of(hub, GONE)
    erase_license(hub, identifier, GROUND, "officer")
    again = erase_license(hub, identifier, GROUND, "officer")
    assert (again.versions, again.lake_rows) == (0, 0)
    with pytest.raises(IntakeError, match="nothing was erased"):
        erase_license(hub, identifier[:-2] + "99", GROUND, "officer")


def test_subject_is_erased_with_every_license_it_holds(hub):
    done = erase_subject(hub, OTHER.lower(), GROUND, "officer")
    assert done.versions >= 1 and all(code(hub, identifier=one) == "ERASED" for one in done.identifiers)
    assert OTHER not in lake_cells(hub)


def test_next_delivery_after_an_erasure_goes_on(hub, tmp_path):
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    rows = [company(2000 + place) for place in range(20) if place != 3] + [company(3000)]
    rows += [company(1000 + place, status) for place, status in enumerate("12345")]
    report = deliver(hub, write_csv(tmp_path / "next.csv", rows))
    assert (report.published, report.removed) == (True, 0)
    assert code(hub, credit_code(3000)) == "IN_FORCE" and fsck(hub).findings == ()


def test_row_the_source_still_provides_becomes_a_new_license_and_the_erased_one_stays_erased(hub, tmp_path):
    identifier = identifier_of(hub, GONE)
    erase_license(hub, identifier, GROUND, "officer")
    rows = [company(2000 + place) for place in range(20)] + [company(1000 + place, status) for place, status in enumerate("12345")]
    deliver(hub, write_csv(tmp_path / "next.csv", [*rows, company(3000)]))
    assert code(hub, identifier=identifier) == "ERASED" and code(hub, GONE) == "IN_FORCE"


def test_row_delivered_after_its_erasure_stays_in_the_lake_when_others_are_erased_and_goes_with_its_own(hub, tmp_path):
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    hub.clock.at += timedelta(minutes=5)
    rows = [company(2000 + place) for place in range(20)] + [company(1000 + place, status) for place, status in enumerate("12345")]
    deliver(hub, write_csv(tmp_path / "next.csv", [*rows, company(3000)]))
    hub.clock.at += timedelta(minutes=5)
    before = lake_cells(hub).count(GONE)
    assert before and erase_license(hub, identifier_of(hub, OTHER), GROUND, "officer").versions == 1
    assert lake_cells(hub).count(GONE) == before and reapply(hub).lake_rows == 0
    # The newest delivery still has the row: nothing of it was lost without a word.
    hub.clock.at += timedelta(minutes=5)
    assert deliver(hub, write_csv(tmp_path / "third.csv", [*rows, company(3000), company(3001)])).removed == 0
    assert code(hub, GONE) == "IN_FORCE" and fsck(hub).findings == ()
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    assert GONE not in lake_cells(hub) and code(hub, GONE) == "NOT_FOUND"


def test_t35_restored_database_is_erased_again_from_the_log(tmp_path, catalog):
    hub = sample_hub(tmp_path, catalog)
    identifier = identifier_of(hub, GONE)
    with reading(hub.engine) as connection:
        before = connection.execute(sa.select(version).where(version.c.identifier == identifier)).one()
        key = connection.execute(sa.select(license.c.key_bi).where(license.c.license_id == before.license_id)).scalar_one()
    erase_license(hub, identifier, GROUND, "officer")
    # What an older restore brings back: the row's content, and no word of the erasure.
    with writing(hub.engine) as connection:
        connection.execute(sa.insert(rewrite).values(at="x", actor="test", kind="erase", open=True, rows=0))
        cells = {name: getattr(before, name) for name in ("payload", "secret", "number_bi")}
        connection.execute(sa.update(version).where(version.c.entry == before.entry).values(cells))
        connection.execute(sa.update(license).where(license.c.license_id == before.license_id).values(key_bi=key))
        connection.execute(sa.update(rewrite).where(rewrite.c.open).values(open=False))
        for trigger in ("hub_erasure_keep_DELETE",):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.execute(sa.delete(erasure)), connection.execute(sa.delete(erased_row))
    assert code(hub, GONE) == "IN_FORCE"
    assert any("erasure" in finding.what for finding in fsck(hub).findings)
    done = reapply(hub)
    assert (done.versions, code(hub, identifier=identifier), code(hub, GONE)) == (1, "ERASED", "NOT_FOUND")
    assert fsck(hub).findings == ()
    assert reapply(hub).versions == 0
    hub.close()


def test_restored_lake_is_erased_again(hub, tmp_path):
    shutil.copytree(hub.lake.root / "trusted", tmp_path / "copy" / "trusted")
    shutil.copytree(hub.lake.root / "landing", tmp_path / "copy" / "landing")
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    shutil.copytree(tmp_path / "copy", hub.lake.root, dirs_exist_ok=True)
    assert GONE in lake_cells(hub)
    assert reapply(hub).lake_rows == 2 and GONE not in lake_cells(hub)


def test_t6_row_emptied_by_hand_is_damage_and_no_erasure(hub):
    identifier = identifier_of(hub, GONE)
    with writing(hub.engine) as connection:
        connection.execute(sa.insert(rewrite).values(at="x", actor="insider", kind="erase", open=True, rows=0))
        connection.execute(
            sa.update(version).where(version.c.identifier == identifier).values(payload=b"", secret=b"", number_bi=bytes(32))
        )
        connection.execute(sa.update(rewrite).where(rewrite.c.open).values(open=False))
        entry = connection.execute(sa.select(version.c.entry).where(version.c.identifier == identifier)).scalar_one()
    assert code(hub, identifier=identifier) == "PROOF_BAD"
    assert any(finding.row == f"entry {entry}" for finding in fsck(hub).findings)


@pytest.mark.parametrize("column", ["grade", "identifier", "leaf_id", "source_status", "valid_to"])
def test_t7_columns_that_make_a_version_stay_append_only_even_during_a_rewrite(hub, column):
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), writing(hub.engine) as connection:
        connection.execute(sa.insert(rewrite).values(at="x", actor="insider", kind="erase", open=True, rows=0))
        connection.execute(sa.update(version).values({column: "X"}))


def test_t7_without_an_open_rewrite_no_cell_changes_and_an_open_one_cannot_be_committed_on_postgres(hub):
    with pytest.raises(sa.exc.DatabaseError, match="append-only"), writing(hub.engine) as connection:
        connection.execute(sa.update(version).values(payload=b""))
    if hub.engine.dialect.name == "postgresql":
        with pytest.raises(sa.exc.DatabaseError, match="must be closed"), writing(hub.engine) as connection:
            connection.execute(sa.insert(rewrite).values(at="x", actor="insider", kind="erase", open=True, rows=0))


def test_erasures_are_append_only(hub):
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    for statement in (sa.delete(erasure), sa.update(erasure).values(reason="x"), sa.delete(rewrite), sa.update(rewrite).values(actor="x")):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), writing(hub.engine) as connection:
            connection.execute(statement)


def test_erase_leaf_carries_nothing_personal(hub):
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    with reading(hub.engine) as connection:
        contents = [bytes(one) for one in connection.execute(sa.select(leaf.c.leaf)).scalars()]
    (erased,) = [one for one in contents if b'"kind":"erase"' in one]
    assert GONE.encode() not in erased and GROUND.reason.encode() not in erased


def test_landed_manifest_agrees_with_its_file_after_an_erasure(hub):
    from connectors.landing import batches, read_batch

    before = next(batches(hub.lake, "legal_entity")).manifest
    erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    after = read_batch(hub.lake, "legal_entity", before.batch).manifest
    assert (after.rows, after.content_hash) == (before.rows - 1, before.content_hash)
    with hub.lake.open(read_batch(hub.lake, "legal_entity", before.batch).rows) as file:
        assert pq.ParquetFile(file).metadata.num_rows == after.rows


def test_killed_between_file_and_manifest_a_second_run_mends_the_manifest(hub, monkeypatch):
    from connectors import manifest
    from connectors.landing import batches, read_batch

    def killed(*_):
        raise KeyboardInterrupt

    batch = next(batches(hub.lake, "legal_entity")).batch
    with monkeypatch.context() as patched:
        patched.setattr(manifest, "correct", killed)
        with pytest.raises(KeyboardInterrupt):
            erase_license(hub, identifier_of(hub, GONE), GROUND, "officer")
    reapply(hub)
    assert read_batch(hub.lake, "legal_entity", batch).manifest.rows == 24
    assert apply_pending(hub).issued == 0
