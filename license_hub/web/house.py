"""What the staff pages of other packages are given of the hub, and the door before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, Depends, Request
from starlette.formparsers import MultiPartParser

from license_hub.api.serving import request_id
from license_hub.service import confirm_held, issued_of, waiting_of
from license_hub.service.ask_provider import Provider, ProviderOptions
from license_hub.service.hub import Hub
from license_hub.service.note_act import note
from license_hub.service.sign_in import staff
from license_hub.service.staff_sessions import Limits
from license_hub.service.versions_of import issuer_of
from license_hub.web import admin, desk_house, license_page, sign_in, sign_in_provider
from license_hub.web.address import Network
from license_hub.web.admin_words import Sources
from license_hub.web.door import MIB, Door, Owner
from license_hub.web.staff import Pages

LICENSE = "license"
"""Kind of ownership the hub itself knows: whose license it is."""


class House:
    """What the staff pages of other packages are given of the hub: visitor, frame, issued licenses, audit; and the door before them."""

    def __init__(
        self,
        hub: Hub,
        owner: Owner,
        folders: Sequence[Path] = (),
        limits: Limits | None = None,
        *,
        local: bool = True,
        provider: ProviderOptions | None = None,
        proxies: Sequence[Network] = (),
        health: Sources = list,
    ):
        self._hub = hub
        self._local = local
        self._proxies = proxies
        self._health = health
        self._provider = Provider(provider, hub.public_url + sign_in_provider.BACK, hub.clock) if provider else None
        self._owner = owner
        self._door = Door(hub, self.owner, limits or Limits())
        self._pages = Pages(self._door, folders)
        self.render = self._pages.render
        self.allowance = self._door.allowance
        # Uploads stay in memory, within their allowance: a file of persons is not spooled to a plain disk.
        MultiPartParser.spool_max_size = max((one.upload_mib for one in self._door.policy.routes.values()), default=0) * MIB + MIB

    def owner(self, kind: str, given: Mapping[str, str]) -> str | None:
        """Whose page it is; None = there is none."""
        return issuer_of(self._hub, given["identifier"]) if kind == LICENSE else self._owner(kind, given)

    def visitor(self, request: Request) -> dict[str, object]:
        """Who is in: account, name, roles, body."""
        account = request.state.visit.account
        return {"account": account.account, "name": account.name, "roles": account.roles, "body": account.body}

    def issued(self, resource: str, keys: Sequence[str]) -> dict[str, dict[str, object]]:
        """By key: identifier, version, status and address of the license made of that row; HELD while its newest content is on hold."""
        found = issued_of.issued(self._hub, resource, keys)
        return {
            key: {
                "identifier": one.identifier,
                "version": one.version,
                "status": issued_of.HELD if one.held else one.status,
                "url": f"/licenses/{one.identifier}" if one.identifier else "",
            }
            for key, one in found.items()
        }

    def tally(self, resource: str, publication: int) -> issued_of.Tally:
        """How many licenses a publication's rows became, and how many of them wait."""
        return issued_of.tally(self._hub, resource, publication)

    def held(self, ticket: str) -> list[issued_of.Waiting]:
        """Rows of a ticket that wait for an issuing organ's word, by organ."""
        return issued_of.waiting(self._hub, ticket)

    def waiting(self, organ: str) -> tuple[list[waiting_of.OfTicket], int]:
        """What waits for one organ's word, by ticket, and how many tickets more."""
        return waiting_of.waiting_of(self._hub, organ)

    def confirm(self, request: Request, ticket: str) -> dict[str, int]:
        """The word of the visitor's own organ; the server's integrator signs what it commits.

        Raises NotAuthorized where the rows are not its to issue, Unwitnessed.
        """
        who = request.state.visit.account
        given = {"request_id": request_id(request), "prove": False}
        return asdict(confirm_held.confirm(self._hub, ticket, who.body or "", staff(who.account), **given))

    def refuse(self, request: Request, ticket: str, reason: str) -> dict[str, int]:
        """Its refusal. Raises NotAuthorized, and NoticeRefused without a reason."""
        who = request.state.visit.account
        given = {"request_id": request_id(request)}
        return asdict(confirm_held.refuse(self._hub, ticket, who.body or "", staff(who.account), reason, **given))

    def audit(self, request: Request, action: str, **details: str | int) -> None:
        """On record when this returns; whoever cannot be recorded is shown nothing."""
        note(self._hub, request_id(request), request.state.visit.account.account, action, details)

    def routers(self, pages: Sequence[APIRouter]) -> list[APIRouter]:
        """The door's own pages and these, behind the guard. Raises LookupError for a route without a row in the access policy."""
        form = sign_in.Form(self._door, self._pages, local=self._local, provider=self._provider is not None, proxies=self._proxies)
        own = [sign_in.router(form, self._pages), sign_in_provider.router(self._door, form, self._provider)]
        own += [license_page.router(self._hub, self._pages), *desk_house.routers(self._hub, self._pages)]
        own += admin.routers(self._hub, self._pages, self._health)
        guarded = APIRouter(include_in_schema=False, dependencies=[Depends(self._door.guard)])
        for router in (*own, *pages):
            guarded.include_router(router)
        missing = sorted(one for one in named(guarded) if one not in self._door.policy.routes)
        if missing:
            raise LookupError(f"catalogs/access.yaml has no row for {', '.join(missing)}")
        return [guarded]


def named(router: APIRouter) -> list[str]:
    """Its routes as the access policy names them."""
    return [f"{method} {route.path}" for route in router.routes for method in sorted(route.methods)]
