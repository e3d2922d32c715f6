"""T34: consent is checked inside the answering transaction. A model walks every order of acts; threads race a withdrawal."""

from __future__ import annotations

import tempfile
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from catalogs.model import Catalog
from license_hub.errors import NotAllowed
from license_hub.service import keep_grants
from license_hub.service.authorize import Basis, examine
from license_hub.service.consent import ask
from license_hub.service.holder_consent import answer, withdraw
from license_hub.service.hub import open_hub
from license_hub.service.list_audit import Entry, record
from license_hub.storage.engine import writing
from license_hub.storage.tables import audit

from .casework import ASKED, MATTER, NUMBER, OPERATOR, casework, set_case, with_matter
from .conftest import Clock, Options

ROUNDS, READERS = 4, 4


class Consent(RuleBasedStateMachine):
    """The model: what was asked, given and withdrawn, on one case under one grant. A subclass has the catalogue."""

    catalog: Catalog

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        place, self.clock = Path(self.folder.name), Clock()
        chosen = Options(f"sqlite:///{place / 'hub.db'}", place / "lake", place / "keys", place / "keys-root")
        self.hub = open_hub(chosen, clock=self.clock, catalog=with_matter(self.catalog))
        self.work = casework(self.hub)
        self.waiting: list[str] = []
        self.given: dict[str, datetime] = {}
        self.open = self.resumed = True

    def teardown(self):
        self.hub.close()
        self.folder.cleanup()

    @property
    def granted(self) -> bool:
        return self.resumed and self.clock() < datetime.fromisoformat(self.work.grants[ASKED].valid_until)

    @rule()
    def asks(self):
        if self.open and self.granted:
            self.waiting.append(ask(self.hub, self.work.wanted(), self.work.principal, "")["id"])
            return
        with pytest.raises(NotAllowed):
            ask(self.hub, self.work.wanted(), self.work.principal, "")

    @precondition(lambda self: self.waiting)
    @rule(yes=st.booleans(), days=st.sampled_from([0, 1, 3]))
    def answers(self, yes, days):
        name = self.waiting.pop(0)
        told = answer(self.hub, NUMBER, name, yes=yes, days=days)
        assert told["state"] == ("given" if yes else "declined")
        if yes:
            self.given[name] = self.clock() + timedelta(days=days or 30)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def withdraws(self, data):
        name = data.draw(st.sampled_from(sorted(self.given)))
        withdraw(self.hub, NUMBER, name)
        del self.given[name]

    @rule()
    def suspends_or_resumes(self):
        self.resumed = not self.resumed
        keep_grants.suspend(self.hub, self.work.grants[ASKED].grant_id, "test", again=self.resumed)

    @rule()
    def closes_or_opens(self):
        self.open = not self.open
        set_case(self.hub, self.work.case_id, state="open" if self.open else "closed")

    @rule()
    def time_passes(self):
        self.clock.pass_(hours=25)
        self.waiting.clear()

    @invariant()
    def only_what_stands_is_relied_on(self):
        found = self.work.examine(ASKED)
        standing = {name for name, until in self.given.items() if until > self.clock()}
        assert isinstance(found, Basis) == bool(standing and self.granted and self.open)
        assert not isinstance(found, Basis) or found.id in standing


def walk(catalog: Catalog, steps: int, examples: int) -> None:
    limits = {"max_examples": examples, "stateful_step_count": steps, "deadline": None}
    machine = type("Walk", (Consent,), {"catalog": catalog})
    run_state_machine_as_test(machine, settings=settings(**limits, suppress_health_check=list(HealthCheck)))


def test_t34_no_order_of_acts_leaves_a_withdrawn_authorisation_in_use(catalog):
    walk(catalog, steps=15, examples=3)


@pytest.mark.nightly
def test_t34_no_order_of_acts_leaves_a_withdrawn_authorisation_in_use_many(catalog):
    walk(catalog, steps=50, examples=60)


def test_t34_no_answer_is_committed_after_the_withdrawal_it_should_have_seen(options, clock, catalog):
    hub = open_hub(options, clock=clock, catalog=with_matter(catalog))
    work = casework(hub)
    for turn in range(ROUNDS):
        name = ask(hub, work.wanted(), work.principal, "")["id"]
        answer(hub, NUMBER, name, yes=True)
        done, served = threading.Event(), threading.Event()

        def reads(turn=turn, done=done, served=served) -> None:
            asked = {"client_id": work.client.client_id, "case_id": work.case_id, "operator": OPERATOR, "purpose": MATTER}
            while not done.is_set():
                with writing(hub.engine) as connection:
                    found = examine(connection, hub, type_id=ASKED, subject=NUMBER, **asked)
                    told = "ANSWERED" if isinstance(found, Basis) else "REFUSED"
                    record(connection, hub.now(), [Entry(f"turn-{turn:04d}", "reader", "read", None, None, None, told)])
                if told == "ANSWERED":
                    served.set()

        threads = [threading.Thread(target=reads) for _ in range(READERS)]
        for one in threads:
            one.start()
        assert served.wait(30)
        withdraw(hub, NUMBER, name, request_id=f"withdrawal-{turn:04d}")
        threading.Event().wait(0.05)
        done.set()
        for one in threads:
            one.join(30)
        with hub.engine.connect() as connection:
            gone = connection.scalar(sa.select(audit.c.seq).where(audit.c.request_id == f"withdrawal-{turn:04d}"))
            mine = audit.c.request_id == f"turn-{turn:04d}"
            after = connection.execute(sa.select(audit.c.code).where(mine, audit.c.seq > gone)).scalars().all()
            before = connection.execute(sa.select(audit.c.code).where(mine, audit.c.seq < gone)).scalars().all()
        assert set(after) == {"REFUSED"} and "ANSWERED" in before
    hub.close()
