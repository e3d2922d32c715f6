"""Published lists say of every version what the hub says, and never less surely than they should."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from license_hub.domain.lifecycle import State, current
from license_hub.service import publish_status
from license_hub.service.change_key import compromise
from license_hub.service.check_status import check, serve, uris
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.publish_status import publish
from license_hub.service.refer_status import open_shards, refer
from license_hub.signing import reference, statuslist
from license_hub.signing.statuslist import LISTED, SHARD, Listed, StatusList
from license_hub.storage import tables
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_status import listed, shard

from .publishing import Publisher, entity, permit, registered

ROOT = Path(__file__).resolve().parents[3]


def lists(hub: Hub) -> StatusList:
    """The one shard's list, as any reader checks it."""
    return statuslist.read(serve(hub, 0).token, hub.keyring.public_keys("status"))


def said(hub: Hub) -> dict[int, Listed]:
    """What the list says of every version, by entry."""
    read = lists(hub)
    with writing(hub.engine) as connection:
        places = open_shards(hub, connection, range(1))[0]
        entries = connection.execute(sa.select(tables.version.c.entry)).scalars().all()
    return {entry: read.listed(places.index(entry)) for entry in entries}


def meant(hub: Hub) -> dict[int, Listed]:
    """What the domain says today, row by row: versions, and the last status event of the newest."""
    found = {}
    with reading(hub.engine) as connection:
        rows = connection.execute(sa.select(tables.version).order_by(tables.version.c.entry)).all()
        events = connection.execute(sa.select(tables.status).order_by(tables.status.c.entry)).all()
    newest = {row.license_id: row.entry for row in rows}
    for row in rows:
        last = [one.state for one in events if one.license_id == row.license_id and one.entry > newest[row.license_id]]
        top = next(one for one in rows if one.entry == newest[row.license_id])
        stored = State(last[-1] if last else top.source_status or "STATUS_NOT_PROVIDED")
        days = [date.fromisoformat(one) if one else None for one in (row.valid_from, row.valid_to)]
        is_newest = row.entry == newest[row.license_id]
        found[row.entry] = LISTED[current(stored, newest=is_newest, valid_from=days[0], valid_to=days[1], now=hub.now())]
    return found


STATUSES = [None, "1", "2", "3", "4", "5"]
"""As legal_entity's source spells them; None: it says nothing."""


@pytest.fixture
def varied(hub: Hub, publisher: Publisher) -> Hub:
    publisher.publish("legal_entity", [entity(n, status=STATUSES[n % 6]) for n in range(12)])
    starts = hub.now().date()
    days = [starts + timedelta(days=n) for n in (-2, -1, 0, 1, 2)]
    permits = [permit(n, valid_to=day) for n, day in zip((1, 7), days[1:3], strict=True)]
    permits += [permit(n, valid_to=day) for n, day in zip((13, 19), days[3:], strict=True)]
    publisher.publish("legal_entity", [entity(n, status=STATUSES[n % 6]) for n in (*range(12), 13, 19)])
    publisher.publish("food_permit", permits)
    publisher.publish("enterprise_registry", [registered(n) for n in range(3)])
    apply_pending(hub)
    return hub


def test_list_says_of_every_version_what_the_domain_says(varied):
    publish(varied)
    assert said(varied) == meant(varied)
    assert {Listed.VALID, Listed.INVALID, Listed.UNDETERMINED} <= set(said(varied).values())


def test_list_follows_versions_acts_and_days_one_run_after_the_other(varied, publisher, clock):
    publish(varied)
    rounds = [
        [entity(n, status=STATUSES[(n + 1) % 6]) for n in range(12)],
        [entity(n, status=STATUSES[(n + 1) % 6], name=f"改名{n}号有限公司") for n in range(10)],
        [entity(n, status=STATUSES[n % 6], name=f"改名{n}号有限公司") for n in range(12)],
    ]
    for rows in rounds:
        publisher.publish("legal_entity", rows)
        apply_pending(varied)
        publish(varied)
        assert said(varied) == meant(varied)
    for _ in range(3):
        clock.pass_(days=1)
        publish(varied)
        assert said(varied) == meant(varied)
        assert not any(one.faults for one in check(varied))


def test_place_that_nobody_holds_is_undetermined(varied):
    publish(varied)
    counts = check(varied)[0].counts
    versions = said(varied).values()
    assert counts["VALID"] == sum(one is Listed.VALID for one in versions)
    assert counts["UNDETERMINED"] == SHARD - sum(one is not Listed.UNDETERMINED for one in versions)


def test_license_newer_than_the_list_is_undetermined_until_the_next(varied, publisher):
    publish(varied)
    publisher.publish("legal_entity", [entity(n, status=STATUSES[n % 6]) for n in (*range(12), 13, 19)] + [entity(50, status="1")])
    apply_pending(varied)
    entry = max(meant(varied))
    assert (said(varied)[entry], meant(varied)[entry]) == (Listed.UNDETERMINED, Listed.VALID)
    assert check(varied)[0].faults == ()
    publish(varied)
    assert said(varied)[entry] is Listed.VALID


def test_second_run_looks_only_at_what_changed(varied, publisher, monkeypatch):
    publish(varied)
    looked = []
    values = publish_status.values

    def watched(*asked):
        for entries, found in values(*asked):
            looked.extend(entries.tolist())
            yield entries, found

    monkeypatch.setattr(publish_status, "values", watched)
    assert [one.changed for one in publish(varied)] == [False] and looked == []
    before = meant(varied)
    publisher.publish("legal_entity", [entity(n, status=STATUSES[n % 6]) for n in range(11)])
    apply_pending(varied)
    assert [one.changed for one in publish(varied)] == [True]
    assert 0 < len(looked) <= 4
    assert said(varied) == meant(varied) != before


def test_every_run_signs_anew_and_moves_the_expiry(varied, clock):
    first = publish(varied)[0]
    clock.pass_(minutes=15)
    second = publish(varied, life_s=60)[0]
    assert (first.issued_at, second.issued_at) == ("2026-11-21T08:00:00Z", "2026-11-21T08:15:00Z")
    assert second.expires_at == "2026-11-21T08:16:00Z"
    assert lists(varied).age_s(varied.now()) == 0


def test_new_hub_serves_one_list_of_nothing(hub):
    assert serve(hub, 0) is None and uris(hub) == []
    assert [one.shard for one in publish(hub)] == [0]
    assert check(hub)[0].counts == {"VALID": 0, "INVALID": 0, "SUSPENDED": 0, "UNDETERMINED": SHARD}
    assert uris(hub) == ["http://127.0.0.1:8080/status/0"]


def test_older_run_never_replaces_a_newer_list(varied, publisher, clock):
    publish(varied)
    with reading(varied.engine) as connection:
        old = [dict(row._mapping) for row in connection.execute(sa.select(listed))]
    publisher.publish("legal_entity", [entity(n, status="3") for n in range(12)])
    apply_pending(varied)
    publish(varied)
    newest = serve(varied, 0)
    with writing(varied.engine) as connection:
        publish_status._replace(connection, old)
    assert serve(varied, 0) == newest


def test_two_that_publish_at_once_leave_one_whole_list(varied, options, clock, catalog):
    others = [open_hub(options, clock=clock, catalog=catalog) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as pool:
            for made in pool.map(publish, others):
                assert [one.shard for one in made] == [0]
    finally:
        for one in others:
            one.close()
    assert said(varied) == meant(varied) and check(varied)[0].faults == ()
    with reading(varied.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(shard)).scalar_one() == 1


def test_t5_list_changed_in_the_database_is_found(varied):
    publish(varied)
    read = lists(varied)
    values = statuslist.unpack(read.raw).copy()
    values[values == Listed.INVALID] = Listed.VALID
    forged = statuslist.make(
        varied.keyring.signer("status"), read.uri, statuslist.compress(statuslist.pack(values)), read.issued_at, life_s=60, ttl_s=60
    )
    with writing(varied.engine) as connection:
        connection.execute(sa.update(listed).values(token=forged))
    assert "are not what the database says" in check(varied)[0].faults[0]
    with writing(varied.engine) as connection:
        connection.execute(sa.update(listed).values(token=forged[:-8] + "AAAAAAAA"))
    assert check(varied)[0].faults and check(varied)[0].stale


def test_stale_and_missing_lists_are_told(varied, clock):
    assert (check(varied)[0].missing, check(varied)[0].stale) == (True, True)
    publish(varied, life_s=60)
    clock.pass_(seconds=60)
    [found] = check(varied)
    assert (found.stale, found.age_s, found.faults) == (True, 60, ())


def test_reference_binds_one_leaf_to_one_place(varied):
    keys = varied.keyring.public_keys("status")
    with writing(varied.engine) as connection:
        made = [refer(varied, connection, entry, bytes([entry]) * 32) for entry in (0, 1)]
    found = [reference.read(one, bytes([entry]) * 32, keys) for entry, one in enumerate(made)]
    assert found[0].index != found[1].index and {one.uri for one in found} == {"http://127.0.0.1:8080/status/0"}


def test_places_outlive_the_database_they_are_stored_in(varied, tmp_path, clock, catalog, options):
    """A restore to before the shard began gives every version the place its bundles name."""
    with writing(varied.engine) as connection:
        before = open_shards(varied, connection, range(2))[1].index(77)
    other = replace(options, database_url=f"sqlite:///{tmp_path}/restored.db", lake=tmp_path / "other")
    restored = open_hub(other, clock=clock, catalog=catalog)
    with writing(restored.engine) as connection:
        assert open_shards(restored, connection, range(2))[1].index(77) == before
    restored.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from license_hub.service import publish_status
from license_hub.service.hub import open_hub
from tests.license_hub.service.conftest import Clock, Options
hub = open_hub(Options(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[3] + "-root")), clock=Clock())
replace = publish_status._replace
def dying(*given):
    replace(*given)
    os.kill(os.getpid(), signal.SIGKILL)
publish_status._replace = dying
publish_status.publish(hub)
"""


def test_publishing_killed_before_it_commits_and_run_again_is_whole(varied, options):
    command = [sys.executable, "-c", KILLED, options.database_url, str(options.lake), str(options.keys)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120).returncode == -9
    assert serve(varied, 0) is None
    publish(varied)
    assert said(varied) == meant(varied)


def test_list_signed_by_a_compromised_key_is_a_fault_until_the_next(varied):
    publish(varied)
    compromise(varied, varied.keyring.signer("status").kid, reason="test", operator="li")
    assert check(varied)[0].faults != ()
    publish(varied)
    assert check(varied)[0].faults == ()
