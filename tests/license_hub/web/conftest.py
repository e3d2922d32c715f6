"""A hub with staff of every role, two bodies with a ticket each, and the whole application over it; shared by the tests of the door."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from license_hub.app import faced
from license_hub.service import desk_client
from license_hub.service.hub import open_hub
from license_hub.storage.tables import license, version
from quality.tickets.opening import open_tickets
from tests.license_hub.sample_hub import Clock, company, deliver, options, write_csv
from tests.license_hub.web.desk_visit import FOREIGN, desk_hub, signed_in
from tests.license_hub.web.staff_visit import BODY, OTHER_BODY, add_staff

RULE = "legal_entity.credit_code.check_digit"


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def staffed(tmp_path_factory, catalog, clock):
    made = open_hub(options(tmp_path_factory.mktemp("staffed")), clock=clock, catalog=catalog)
    add_staff(made)
    desk_client.set_up(made, BODY, "样例窗口", sorted(catalog.license_types), operator="test")
    yield made
    made.close()


@pytest.fixture(scope="session")
def app(staffed):
    return faced(staffed)


@pytest.fixture(scope="session")
def tickets(staffed, tmp_path_factory) -> dict[str, int]:
    """Body → number of its one ticket: a company each with a wrong credit code."""
    rows = [company(4000 + place, **({"登记机关代码": OTHER_BODY} if place == 29 else {})) for place in range(30)]
    for place, body in enumerate((BODY, OTHER_BODY)):
        wrong = company(4100 + place, 登记机关代码=body)
        code = wrong["统一社会信用代码"]
        rows.append(wrong | {"统一社会信用代码": code[:-1] + ("A" if code[-1] != "A" else "C")})
    report = deliver(staffed, write_csv(tmp_path_factory.mktemp("rows") / "legal_entity.csv", rows))
    at = {"lake": staffed.lake, "database": staffed.engine, "now": staffed.now(), "actor": "quality"}
    opened = open_tickets(staffed.catalog, report.batch, [RULE], **at)
    found = {one.body: one.number for one in opened}
    assert set(found) == {BODY, OTHER_BODY}
    return found


@pytest.fixture(scope="session")
def licenses(staffed, tickets) -> dict[str, str]:
    """Body → identifier of a license it issued."""
    with staffed.engine.connect() as connection:
        query = sa.select(license.c.issuer_code, version.c.identifier).join(version, version.c.license_id == license.c.license_id)
        found = dict(connection.execute(query).all())
    assert {BODY, OTHER_BODY} <= found.keys()
    return found


@pytest.fixture(scope="session")
def counter_hub(tmp_path_factory, catalog):
    # One holder and one clerk stand for many here.
    made = desk_hub(tmp_path_factory.mktemp("counter"), catalog, budget_subject=1_000_000, budget_misses=1_000_000)
    yield made
    made.close()


@pytest.fixture(scope="session")
def counter_app(counter_hub):
    return faced(counter_hub)


@pytest.fixture(scope="session")
def clerk(counter_app):
    return signed_in(counter_app)


@pytest.fixture(scope="session")
def stranger(counter_app):
    return signed_in(counter_app, FOREIGN)
