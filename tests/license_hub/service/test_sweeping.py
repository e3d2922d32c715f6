"""Downloads: an address that leads nowhere costs nobody a lock, and what nobody fetched does not lie about."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.errors import DownloadGone
from license_hub.service import copies
from license_hub.service.copies import File
from license_hub.service.hub import open_hub
from license_hub.service.sweeping import sweep
from license_hub.storage import budgets
from license_hub.storage.engine import writing
from license_hub.storage.tables_presentations import download
from tests.license_hub.sample_hub import Clock, options


@pytest.fixture
def hub(tmp_path, catalog):
    made = open_hub(options(tmp_path), clock=Clock(), catalog=catalog)
    yield made
    made.close()


def test_t29_address_that_leads_nowhere_does_not_wait_for_those_who_write(hub):
    with ThreadPoolExecutor(1) as pool, writing(hub.engine):
        asked = pool.submit(copies.fetch, hub, "no such address")
        with pytest.raises(DownloadGone):
            asked.result(timeout=20)


def test_download_nobody_fetched_goes_when_its_time_is_over(hub):
    with writing(hub.engine) as connection:
        copies.offer(hub, connection, File(b"%PDF", "application/pdf", "0" * 64), 0, "c", "C-1")
    assert sweep(hub) == 0
    hub.clock.at += timedelta(minutes=10)
    assert sweep(hub) == 1 and sweep(hub) == 0
    with hub.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(download)) == 0


def test_windows_of_budgets_go_an_hour_after_they_ended(hub):
    with writing(hub.engine) as connection:
        budgets.raise_by(connection, {("subject:address:00:11", int(hub.clock().timestamp())): 1})
    assert sweep(hub) == 0
    hub.clock.at += timedelta(minutes=61)
    assert sweep(hub) == 1 and sweep(hub) == 0
