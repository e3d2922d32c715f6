"""Applies publications to the log: strictly in order, one transaction each, from the hub's own high-water mark.

- A publication's licenses, versions, status acts, holds, leaves, attestations and the mark commit together or not at all.
- The log's lock comes first: of two processes the second finds the mark moved and applies nothing twice.
- A database that goes away is waited for and the publication applied again: its mark, read under the lock, says whether an unknown
  commit took place. A worker process that dies is replaced once.
- Rows held for their holders are tried again with every publication of a base they lean on; the newest row of a key wins.
- What a row says because a ticket asked for it is held until the issuing organ confirms it (`confirm_held`); all else is issued at once.
- Proofs follow the commit: `integrate` extends the tiles and signs; a run that was killed in between is made up by the next.

Source: design.md decisions 2 and 7; issue 2 §5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from license_hub.errors import CrewFault, HubError, IntakeError, Unwitnessed
from license_hub.service import held_changes, holds
from license_hub.service.answer_call import answer_call
from license_hub.service.crew import Crew
from license_hub.service.decide import Decisions, decide_gone, decide_live
from license_hub.service.hub import Hub
from license_hub.service.integrate import integrate
from license_hub.service.ledger import Ledger, Origin, open_ledger
from license_hub.service.logs import licenses
from license_hub.service.recipe import Recipe, leaning_on, recipes
from license_hub.service.rows import applies, text_rows
from license_hub.service.versions import make
from license_hub.service.witnessing import collect, require_witnessed
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading
from license_hub.storage.licenses import release
from license_hub.storage.outage import through_outages
from license_hub.storage.tables import mark
from quality import publications
from quality.corrected import Places, corrections
from quality.publications import Publication


@dataclass
class Counts:
    """What applying did to licenses of one resource."""

    issued: int = 0
    versions: int = 0
    held: int = 0
    """Rows put on hold (a row tried again in vain is not counted again)."""
    unchanged: int = 0
    status_acts: int = 0

    def add(self, decisions: Decisions) -> None:
        self.issued += len(decisions.candidates) - len(decisions.candidates.predecessors)
        self.versions += len(decisions.candidates.predecessors)
        self.unchanged += decisions.unchanged
        self.status_acts += len(decisions.acts)


@dataclass
class IntakeReport:
    publications: int = 0
    per_resource: dict[str, Counts] = field(default_factory=dict)

    def of(self, resource: str) -> Counts:
        return self.per_resource.setdefault(resource, Counts())

    def add(self, part: IntakeReport) -> None:
        self.publications += part.publications
        for resource, counts in part.per_resource.items():
            mine = self.of(resource)
            for one in fields(Counts):
                setattr(mine, one.name, getattr(mine, one.name) + getattr(counts, one.name))

    @property
    def issued(self) -> int:
        return sum(one.issued for one in self.per_resource.values())

    @property
    def versions(self) -> int:
        return sum(one.versions for one in self.per_resource.values())

    @property
    def held(self) -> int:
        return sum(one.held for one in self.per_resource.values())

    @property
    def unchanged(self) -> int:
        return sum(one.unchanged for one in self.per_resource.values())

    @property
    def status_acts(self) -> int:
        return sum(one.status_acts for one in self.per_resource.values())


def apply_pending(hub: Hub, resources: Iterable[str] | None = None, *, prove: bool = True) -> IntakeReport:
    """Every publication after the mark, of these resources or all. Safe to run again, and by two processes at once.

    `prove` False leaves tiles and checkpoint to the server's integrator.

    Raises IntakeError naming the publication that cannot be applied; those before it are applied. Raises Unwitnessed before any where
    the log's witnesses have been away for too long.
    """
    try:
        require_witnessed(hub)
    except Unwitnessed:
        if not prove:
            raise
        # A witness may be back, and what a killed run left unsigned must not count against this one.
        integrate(hub)
        collect(hub, licenses(hub))
        require_witnessed(hub)
    report = IntakeReport()
    crew = Crew(hub, make)
    try:
        wanted = list(resources or hub.catalog.resources)
        for publication in through_outages(hub.engine, lambda: _pending(hub, wanted)):
            report.add(_applied(hub, crew, publication))
    except HubError:
        # What was applied before it gets its proofs all the same.
        if prove:
            integrate(hub)
        raise
    finally:
        crew.close()
    if prove:
        integrate(hub)
        collect(hub, licenses(hub))
    return report


def _pending(hub: Hub, resources: Sequence[str]) -> list[Publication]:
    """In the order they were published, whatever the resource, so that bases come as they came."""
    with reading(hub.engine) as connection:
        found = [one for name in resources for one in publications.pending(connection, name, _mark(connection, name))]
    return sorted(found, key=lambda one: one.seq)


def _applied(hub: Hub, crew: Crew, publication: Publication) -> IntakeReport:
    """What applying it did, through outages of the database and the end of a worker process."""
    tried: list[IntakeReport] = []

    def attempt(by: Crew) -> IntakeReport:
        return through_outages(hub.engine, lambda: _apply(hub, by, publication, tried))

    try:
        return attempt(crew)
    except CrewFault:
        # The system ended a worker (memory, an operator). Nothing was committed: once more, by new ones.
        with closing(Crew(hub, make)) as fresh:
            return attempt(fresh)


def _apply(hub: Hub, crew: Crew, publication: Publication, tried: list[IntakeReport]) -> IntakeReport:
    """One attempt. `tried` collects the reports of attempts that came as far as their commit."""
    report = IntakeReport()
    with open_ledger(hub, crew) as ledger:
        done = _mark(ledger.connection, publication.resource)
        if done >= publication.number:
            # By an attempt whose commit was not answered, or by another process.
            return tried[-1] if tried else report
        if done != publication.number - 1:
            raise IntakeError(f"{publication.resource} publication {publication.number}: publication {done + 1} is not applied yet")
        changes = publications.changes(hub.lake, publication)
        crew.expect(changes.num_rows)
        report.of(publication.resource)
        tickets = corrections(ledger.connection, hub.lake, hub.catalog, publication)
        for recipe in recipes(hub.catalog, publication.resource):
            _apply_changes(ledger, recipe, changes, publication, report, tickets)
        _retry(ledger, publication, changes, report)
        _move_mark(ledger, publication)
        if publication.pushed:
            # In the transaction of the effect: whoever applies the publication answers the call that sent the row.
            own = changes.filter(pc.equal(changes["_batch"], publication.batch))["_key"].to_pylist()
            key = own[0] if own else None
            ledger.closing.append(partial(answer_call, hub, ledger.connection, publication.batch, publication, key=key))
        report.publications += 1
        tried.append(report)
    return report


def _apply_changes(
    ledger: Ledger, recipe: Recipe, changes: pa.Table, publication: Publication, report: IntakeReport, tickets: Mapping[str, Places]
) -> None:
    """One license type's part of a change set. `tickets`: key → the rows of tickets it corrects."""
    hub, connection = ledger.hub, ledger.connection
    fits, op = applies(changes, recipe.source), changes["_op"]
    provided = pc.is_in(op, pa.array(["insert", "update"]))
    live = text_rows(changes.filter(pc.and_(provided, fits)), recipe)
    # A row that no longer makes this type is, for this type, no longer provided.
    left = pc.and_(pc.equal(op, "update"), pc.invert(fits))
    gone = changes.filter(pc.or_(pc.is_in(op, pa.array(["removed", "deleted"])), left))["_key"].to_pylist()
    origin = Origin(publication.resource, publication.number, instant(publication.as_of))
    asked = held_changes.asked(ledger, recipe, live["_key"], tickets)
    decisions = decide_live(hub, connection, recipe, live, asked)
    decisions.acts.extend(decide_gone(hub, connection, recipe, gone))
    given = (index for key in (*live["_key"].to_pylist(), *gone) for index in hub.crypt.probes("key", key))
    release(connection, recipe.type_id, recipe.resource, given)
    holds.hold(ledger, recipe, live, decisions.held, origin, publication.partition or "")
    held_changes.keep(ledger, recipe, live, decisions, asked)
    decisions.carry_out(ledger, recipe, live, origin)
    counts = report.of(publication.resource)
    counts.add(decisions)
    counts.held += len(decisions.held)


def _retry(ledger: Ledger, publication: Publication, changes: pa.Table, report: IntakeReport) -> None:
    """Rows that waited for this resource; those of its own change set were just decided."""
    just_decided = set(changes["_key"].to_pylist())
    for recipe in leaning_on(ledger.hub.catalog, publication.resource):
        for origin, rows in holds.waiting(ledger, recipe, just_decided if recipe.resource == publication.resource else frozenset()):
            decisions, _ = holds.try_again(ledger, recipe, rows, origin)
            report.of(recipe.resource).add(decisions)


def _mark(connection: sa.Connection, resource: str) -> int:
    return connection.execute(sa.select(mark.c.number).where(mark.c.resource == resource)).scalar() or 0


def _move_mark(ledger: Ledger, publication: Publication) -> None:
    where = mark.c.resource == publication.resource
    values = {"number": publication.number, "updated_at": ledger.at}
    if not ledger.connection.execute(sa.update(mark).where(where).values(values)).rowcount:
        ledger.connection.execute(sa.insert(mark), [{"resource": publication.resource, **values}])
