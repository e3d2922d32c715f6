"""Opening a hub while the database falls over: it is waited for, as in everything that comes after."""

from __future__ import annotations

import sqlalchemy as sa

from license_hub.service import register_keys
from license_hub.service.hub import open_hub
from tests.license_hub.sample_hub import options, wall_clock


def test_t24_database_that_breaks_off_while_keys_are_registered_is_waited_for(tmp_path, catalog, postgres_url, monkeypatch):
    real, calls = register_keys.open_register, []

    def broken_off(hub) -> None:
        calls.append(hub)
        if len(calls) == 1:
            with hub.engine.connect() as connection:
                connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        real(hub)

    monkeypatch.setattr(register_keys, "open_register", broken_off)
    hub = open_hub(options(tmp_path, postgres_url), clock=wall_clock, catalog=catalog)
    assert len(calls) == 2 and hub.security.keys("checkpoint")
    hub.close()
