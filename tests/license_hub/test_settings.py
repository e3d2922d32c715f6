from __future__ import annotations

import pytest

from license_hub.errors import SettingsError
from license_hub.settings import ROWS, Settings, read


def test_settings_of_an_empty_environment_are_the_demo():
    settings = read({})
    assert (settings.profile, settings.port, settings.database_url) == ("demo", 8080, "sqlite:///var/lake/hub.db")
    assert settings.public_url == "http://127.0.0.1:8080"


def test_every_setting_has_one_row_and_every_row_a_setting():
    assert [row.name for row in ROWS] == list(Settings.__dataclass_fields__)
    assert all(row.env.startswith("HUB_") and row.help for row in ROWS)


def test_all_problems_are_listed_at_once_without_values():
    environment = {
        "HUB_PROFILE": "staging",
        "HUB_PORT": "70000",
        "HUB_METRICS_PORT": "x",
        "HUB_DATABASE_URL": "mysql://user:geheim@host/db",
        "HUB_LOG_ORIGIN": "two words",
        "HUB_PUBLIC_URL": "ftp://x",
        "HUB_WORKERS": "-1",
        "HUB_LAKES": "x",
    }
    with pytest.raises(SettingsError) as caught:
        read(environment)
    named = {problem.split()[0] for problem in caught.value.problems}
    assert named >= set(environment)
    assert "geheim" not in str(caught.value)


def test_database_url_is_shown_to_nobody():
    assert read({"HUB_DATABASE_URL": "postgresql://user:geheim@host/db"}).shown()["database_url"] == "***"


def test_variables_of_tests_and_of_connections_are_not_settings_of_the_hub():
    read({"HUB_TEST_DATABASE_URL": "x", "HUB_CONN_POPULATION": "y"})


def test_metrics_on_the_port_of_the_api_is_a_problem():
    with pytest.raises(SettingsError, match="HUB_METRICS_PORT"):
        read({"HUB_PORT": "9000", "HUB_METRICS_PORT": "9000"})
