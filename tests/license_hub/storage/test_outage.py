from __future__ import annotations

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import errors

from license_hub.storage.outage import is_outage, through_outages


@pytest.fixture
def engine():
    made = sa.create_engine("sqlite://")
    yield made
    made.dispose()


GONE = [psycopg.OperationalError("server closed the connection"), errors.AdminShutdown(), errors.DiskFull(), errors.CannotConnectNow()]
REFUSED = [errors.UniqueViolation(), errors.InsufficientPrivilege(), errors.QueryCanceled(), ValueError()]


@pytest.mark.parametrize("fault", GONE, ids=lambda one: type(one).__name__)
def test_act_is_done_again_after_an_outage(engine, fault):
    faults = [fault, sa.exc.OperationalError("", {}, fault)]

    def act() -> str:
        if faults:
            raise faults.pop()
        return "done"

    assert through_outages(engine, act) == "done"


@pytest.mark.parametrize("fault", REFUSED, ids=lambda one: type(one).__name__)
def test_refusal_is_not_repeated(engine, fault):
    calls = []

    def act() -> None:
        calls.append(1)
        raise fault

    assert not is_outage(fault)
    with pytest.raises(type(fault)):
        through_outages(engine, act)
    assert len(calls) == 1


def test_database_that_stays_away_raises_its_fault_after_the_patience():
    away = sa.create_engine("postgresql+psycopg://nobody@/none?host=/nonexistent")
    with pytest.raises(sa.exc.OperationalError):
        through_outages(away, away.connect, patience_s=0.3)
