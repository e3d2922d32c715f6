from __future__ import annotations

import pytest

from connectors.errors import ContractBroken
from connectors.settings import EnvironmentCredentials, connection


def test_connection_id_becomes_the_variables_name():
    found = EnvironmentCredentials({"HUB_CONN_FOOD_PERMIT_2": "/srv/drop"}).connection("food-permit.2")
    assert (found.id, found.url, found.token) == ("food-permit.2", "/srv/drop", None)


def test_token_of_an_api_leaves_its_url():
    found = connection("api", "https://:s%40cret@permits.example:8443/base?x=1")
    assert (found.url, found.token) == ("https://permits.example:8443/base", "s@cret")


def test_database_url_keeps_its_password():
    assert connection("db", "postgresql://u:p@host/d").url == "postgresql://u:p@host/d"


def test_connection_is_never_printed():
    shown = repr(connection("api", "https://:secret@host/base")) + repr(connection("db", "postgresql://u:secret@host/d"))
    assert "secret" not in shown and "host" not in shown


def test_mounted_file_of_connections_is_read(tmp_path):
    (tmp_path / "secret").write_text("# departments\n\nDB = postgresql://u:p=q@host/d\nHUB_CONN_FOOD_PERMIT=https://:t@host\n")
    credentials = EnvironmentCredentials({"HUB_CONN_FILE": str(tmp_path / "secret"), "HUB_CONN_OTHER": "/drop"})
    assert credentials.connection("db").url == "postgresql://u:p=q@host/d"
    assert credentials.connection("food_permit").token == "t"
    assert credentials.connection("other").url == "/drop"


def test_variable_goes_before_the_mounted_file(tmp_path):
    (tmp_path / "secret").write_text("DB=/old")
    assert EnvironmentCredentials({"HUB_CONN_FILE": str(tmp_path / "secret"), "HUB_CONN_DB": "/new"}).connection("db").url == "/new"


def test_connection_nobody_set_names_the_variable():
    with pytest.raises(ContractBroken) as fault:
        EnvironmentCredentials({"HUB_CONN_DB": ""}).connection("db")
    assert "HUB_CONN_DB" in fault.value.hint


def test_environment_is_read_when_none_is_given(monkeypatch):
    monkeypatch.setenv("HUB_CONN_DB", "sqlite:///x")
    assert EnvironmentCredentials().connection("db").url == "sqlite:///x"
