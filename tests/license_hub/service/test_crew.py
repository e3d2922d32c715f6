from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
import sqlalchemy as sa

from license_hub.errors import CrewFault
from license_hub.service import crew, ledger
from license_hub.service.fsck import fsck
from license_hub.service.hub import open_hub
from license_hub.service.intake import apply_pending
from license_hub.storage import tables
from license_hub.storage.engine import reading

from .publishing import ORGAN, OTHER_ORGAN, Publisher, entity


def test_worker_processes_make_the_same_licenses_as_this_one(options, clock, catalog, monkeypatch):
    monkeypatch.setattr(crew, "LARGE", 10)
    monkeypatch.setattr(ledger, "JOB_ROWS", 16)
    hub = open_hub(replace(options, workers=2), clock=clock, catalog=catalog)
    entities = [entity(i, registrar_code=ORGAN if i % 3 else OTHER_ORGAN) for i in range(100)]
    Publisher(hub).publish("legal_entity", entities)
    assert apply_pending(hub).issued == 100
    with reading(hub.engine) as connection:
        entries = connection.execute(sa.select(tables.version.c.entry).order_by(tables.version.c.entry)).scalars().all()
        sizes = connection.execute(sa.select(tables.attestation.c.size)).scalars().all()
    assert entries == list(range(100))
    assert sorted(sizes) == [34, 66]
    # Every row, leaf, seal and tile agrees, whoever computed it.
    assert fsck(hub).findings == ()
    hub.close()


def test_worker_that_fails_leaves_no_trace_of_the_publication(options, clock, catalog, monkeypatch):
    monkeypatch.setattr(crew, "LARGE", 10)
    monkeypatch.setattr(ledger, "JOB_ROWS", 16)
    hub = open_hub(replace(options, workers=2), clock=clock, catalog=catalog)
    broken = [entity(i) for i in range(40)]
    # A status no source may state: the catalogue's loader would refuse it, a worker meets it as a fault.
    source = hub.catalog.license_types["business_license"].sources[0]
    monkeypatch.setitem(source.status_map, "1", "SUPERSEDED")
    Publisher(hub).publish("legal_entity", broken)
    with pytest.raises(ValueError, match="SUPERSEDED"):
        apply_pending(hub)
    with reading(hub.engine) as connection:
        for table in (tables.leaf, tables.version, tables.mark):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
    hub.close()


def test_worker_that_is_killed_stops_the_publication_and_the_next_run_issues_it(options, clock, catalog, monkeypatch):
    monkeypatch.setattr(crew, "LARGE", 10)
    monkeypatch.setattr(ledger, "JOB_ROWS", 16)
    hub = open_hub(replace(options, workers=2), clock=clock, catalog=catalog)
    Publisher(hub).publish("legal_entity", [entity(i) for i in range(200)])
    started = subprocess.Popen

    def killed(*arguments, **named):
        process = started(*arguments, **named)
        process.kill()
        return process

    with monkeypatch.context() as once:
        once.setattr(subprocess, "Popen", killed)
        with pytest.raises(CrewFault, match="run it again"):
            apply_pending(hub)
    with reading(hub.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.leaf)).scalar_one() == 0
    assert apply_pending(hub).issued == 200
    assert fsck(hub).findings == ()
    hub.close()
