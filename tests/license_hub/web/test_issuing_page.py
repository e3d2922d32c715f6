"""The issuing organ's word through the real door: on its own page, for a ticket that is with another body."""

from __future__ import annotations

import pytest

from license_hub.app import faced
from license_hub.service.hub import open_hub
from license_hub.service.issued_of import waiting
from quality.tickets.act import Request, act
from quality.tickets.opening import open_tickets
from quality.tickets.record import Actor
from quality.tickets.states import Act, Role
from tests.license_hub.sample_hub import Clock, company, deliver, options, write_csv
from tests.license_hub.web.staff_visit import BODY, OTHER_BODY, Browser, add_staff

STATUS = "legal_entity.status.in_codes"
ROWS = [company(6000 + at) for at in range(20)]
OTHERS = company(6100, 登记机关代码=OTHER_BODY)


@pytest.fixture
def app(tmp_path, catalog):
    """Company 6000 of BODY was corrected through a ticket that is with OTHER_BODY."""
    hub = open_hub(options(tmp_path), clock=Clock(), catalog=catalog)
    add_staff(hub)

    def deliver_with(first: dict) -> str:
        return deliver(hub, write_csv(tmp_path / f"{len(list(tmp_path.iterdir()))}.csv", [first, *ROWS[1:], OTHERS])).batch

    deliver_with(ROWS[0])
    failed = deliver_with(ROWS[0] | {"登记状态": "9"})
    at = {"database": hub.engine, "now": hub.now()}
    [one] = open_tickets(catalog, failed, [STATUS], lake=hub.lake, actor="quality", **at)
    moved = Request(one.ticket, Act.TRANSFER, Actor("quality", Role.QUALITY), comment="归口", to=OTHER_BODY)
    act(catalog, moved, **at)
    deliver_with(ROWS[0] | {"单位名称": "样例改名有限公司"})
    assert [(line.organ, line.changes) for line in waiting(hub)] == [(BODY, 1)]
    yield faced(hub)
    hub.close()


def test_t34_organ_confirms_on_its_own_page_what_it_issues_and_nobody_else_does(app):
    visitors = {name: Browser(app) for name in ("body", "other", "quality", "auditor")}
    for name, one in visitors.items():
        one.sign_in(name)
    mine, path = f"/quality/bodies/{BODY}", f"/quality/bodies/{BODY}/issuing"
    form = {"ticket": "1", "word": "confirm"}
    assert visitors["body"].get("/quality/tickets/1").status_code == 403
    for name in ("other", "quality", "auditor"):
        assert visitors[name].post(path, page="/staff", **form).status_code == 403, name
    assert "等待本单位确认签发" not in visitors["other"].get(f"/quality/bodies/{OTHER_BODY}").text
    foreign = visitors["other"].post(f"/quality/bodies/{OTHER_BODY}/issuing", page="/staff", **form)
    assert foreign.status_code == 422 and "没有等待本单位确认的记录" in foreign.text
    page = visitors["body"].get(mine).text
    assert "等待本单位确认签发" in page and "持证主体" in page and "样例改名有限公司" not in page
    done = visitors["body"].post(path, page=mine, **form)
    assert (done.status_code, done.headers["location"]) == (303, f"{mine}?said=confirm")
    assert "等待本单位确认签发" not in visitors["body"].get(mine).text


def test_organ_says_no_with_a_reason_and_the_license_stays(app):
    visitor = Browser(app)
    visitor.sign_in("body")
    mine, path = f"/quality/bodies/{BODY}", f"/quality/bodies/{BODY}/issuing"
    assert visitor.post(path, page=mine, ticket="1", word="refuse", comment=" ").status_code == 422
    assert visitor.post(path, page=mine, ticket="1", word="refuse", comment="未见变更登记").status_code == 303
    assert "此前不予确认" in visitor.get(mine).text
