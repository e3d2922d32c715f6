"""The status list as an outsider reads it: fresh, of this license, and never against what the log says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
import sqlalchemy as sa

from license_hub.service.publish_status import LIFE_S, publish
from license_hub.signing.canonical import jcs, parse
from license_hub.storage import tables
from license_hub.storage.tables_status import listed
from tests.conformance.outsider import Outsider
from tests.conformance.world import Door, World, companies, copied, doors, world
from tests.license_hub.sample_hub import NOW
from tests.license_hub.service.intruder import as_superuser

REVOKED, IN_FORCE = 17, 18
"""Companies of stage 2, by order of issue: every seventeenth is revoked."""


@pytest.fixture(scope="module")
def issued(tmp_path_factory, catalog) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("status") / "hub", catalog) as hub:
        hub.grow(companies(1))
        hub.grow(companies(2))
        yield hub


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with doors(1) as [opened]:
        yield opened


@pytest.fixture
def shown(issued, door, tmp_path):
    """(the hub's copy, an outsider who looks at it)."""
    with ExitStack() as stack:
        hub = stack.enter_context(copied(issued, tmp_path / "hub"))
        stack.enter_context(door.open_to(hub))
        yield hub, Outsider(door.url, hub.root_key, tmp_path / "seen.json", clock=lambda: NOW)


def test_license_in_force_and_revoked_license_are_told_apart(shown):
    hub, outsider = shown
    revoked, good = hub.bundles((REVOKED, IN_FORCE))
    for act in ("look", "audit"):
        assert outsider.ask(act)[0]
        assert outsider.ask("license", good)[0] and "is VALID" in outsider.ask("license", good)[1]
        answer, text = outsider.ask("license", revoked)
        assert not answer and "is INVALID by the status list" in text


def test_t5_status_list_that_is_too_old_says_nothing(shown):
    hub, outsider = shown
    [good] = hub.bundles((IN_FORCE,))
    outsider.clock = lambda: NOW + timedelta(seconds=LIFE_S)
    answer, text = outsider.ask("license", good)
    assert not answer and "out of date" in text


def test_t5_reference_of_another_license_is_refused(shown):
    hub, outsider = shown
    revoked, good = (parse(one) for one in hub.bundles((REVOKED, IN_FORCE)))
    answer, text = outsider.ask("license", jcs(revoked | {"status": good["status"]}))
    assert not answer and "of another license" in text


def test_t6_revocation_taken_back_in_the_database_alone_is_told_by_the_log(shown):
    """The status list then says VALID, signed by the hub itself; who reads the log sees the act that was revoked."""
    hub, outsider = shown
    act = sa.update(tables.status).where(tables.status.c.of_entry == REVOKED).values(state="IN_FORCE")
    as_superuser(hub.hub, tables.status, [act])
    as_superuser(hub.hub, listed, [sa.delete(listed)])
    publish(hub.hub)
    [revoked] = hub.bundles((REVOKED,))
    assert "is VALID" in outsider.ask("license", revoked)[1]
    assert outsider.ask("audit")[0]
    answer, text = outsider.ask("license", revoked)
    assert not answer and "says VALID, the log REVOKED" in text
