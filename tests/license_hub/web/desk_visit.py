"""A hub whose counter can work: a body with a desk client and use grants, two companies, a person and a title they are found by."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx

from catalogs.model import Catalog
from license_hub.service import desk_client, keep_accounts, keep_grants
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import apply_pending
from license_hub.service.integrate import integrate
from license_hub.service.material_facts import wanted_by_form, wanted_by_materials
from tests.license_hub.sample_hub import options, wall_clock
from tests.license_hub.service.publishing import ORGAN, Publisher, credit_code, entity, permit, person, title
from tests.license_hub.web.staff_visit import BODY, OTHER_BODY, PASSWORD, Browser

MATTER = "food_permit_new"
FIRM, OTHER_FIRM = credit_code(1), credit_code(2)
FIRM_NAME = "样例1号有限公司"
PERSON = person(1)["id_number"]
HANDLER, FOREIGN = "handler", "handler.other"


def desk_hub(folder, catalog: Catalog, **changes: object) -> Hub:
    """`changes`: of its settings."""
    hub = open_hub(options(folder, **changes), clock=wall_clock, catalog=catalog)
    publisher = Publisher(hub)
    publisher.publish("legal_entity", [entity(1), entity(2)])
    publisher.publish("population", [person(1, life_status="1")])
    publisher.publish("real_estate_title", [title(1, [(FIRM_NAME, FIRM)], land_use="0501", organ_code=ORGAN)])
    publisher.publish("food_permit", [permit(1)])
    apply_pending(hub)
    integrate(hub)
    for body, account in ((BODY, HANDLER), (OTHER_BODY, FOREIGN)):
        grant(hub, desk_client.set_up(hub, body, f"样例市政务服务中心{account}", sorted(catalog.license_types), operator="test"))
        keep_accounts.add(hub, account, f"样例{account}", ["handler"], body, PASSWORD, operator="test")
    return hub


def grant(hub: Hub, client_id: str, matter: str = MATTER) -> None:
    """Use grants for all the matter may look at."""
    known, until = hub.catalog.matters[matter], (hub.now() + timedelta(days=30)).date()
    places = {place[1] for asked in (wanted_by_materials, wanted_by_form) for place in asked(known).types | asked(known).shares}
    for of in sorted(places):
        keep_grants.give(hub, client_id, of, matter, until, "样例政数〔2026〕1号", "test")


def opening(**changes: str) -> dict[str, str]:
    """The form 收件登记 as a clerk fills it in."""
    given = {
        "matter": MATTER, "applicant-name": FIRM_NAME, "applicant-number": FIRM, "legal_rep-name": "样1", "legal_rep-number": PERSON,
        "case_no": "", "window": "7", "received_in": "990101", "handled_in": "990101",
    }  # fmt: skip
    return given | changes


def open_case(visitor: Browser, **changes: str) -> str:
    """The address of a new case's page."""
    answer = visitor.post("/desk/cases", page=f"/desk/new?matter={MATTER}", **opening(**changes))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def signed_in(app, account: str = HANDLER) -> Browser:
    visitor = Browser(app)
    assert visitor.sign_in(account).status_code == 303
    return visitor


def verdicts(page: httpx.Response | str) -> dict[str, str]:
    """Material code → what the page says becomes of it."""
    text = page if isinstance(page, str) else page.text
    rows = re.findall(r'<tr id="material-(\w+)">.*?<span class="badge verdict-(\w+)">', text, re.DOTALL)
    return {code: outcome.upper() for code, outcome in rows}
