"""A holder shows a code on the phone page, and a counter's scanner takes it."""

from __future__ import annotations

import re

import numpy as np
import zxingcpp

from tests.license_hub.api.conftest import audited
from tests.license_hub.sample_hub import identifier_of
from tests.license_hub.web.test_me import HOLDER, OTHER, app, counter, holder, hub, provider  # noqa: F401 (fixtures)


def scanned(page: str) -> str:
    """What a scanner reads off the page's drawing."""
    [drawing] = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    side = int(re.search(r'width="([0-9]+)"', drawing)[1])
    image = np.full((side, side), 255, np.uint8)
    for x, y, wide, high in re.findall(r"M([0-9]+) ([0-9]+)h([0-9]+)v([0-9]+)h-[0-9]+Z", drawing):
        image[int(y) : int(y) + int(high), int(x) : int(x) + int(wide)] = 0
    [found] = zxingcpp.read_barcodes(np.kron(image, np.ones((4, 4), np.uint8)), formats=zxingcpp.QRCode)
    return found.text


def test_holder_shows_a_code_and_the_counter_scans_it_once(holder, counter, hub):  # noqa: F811
    place = f"/me/licenses/{identifier_of(hub, HOLDER)}"
    answer = holder.post(f"{place}/show", page=place)
    assert answer.status_code == 200, answer.text
    seconds, _, back = answer.headers["refresh"].partition("; url=")
    assert 0 < int(seconds) <= 60 and back == place and "秒后失效" in answer.text and HOLDER not in answer.text
    assert answer.headers["cache-control"] == "no-store" and "<style" not in answer.text and " style=" not in answer.text
    code = scanned(answer.text)
    assert code not in answer.text
    taken = counter.call("POST", "/v1/presentations/scan", json={"code": code, "purpose": "食品经营许可", "case_no": "me-1"})
    assert taken.status_code == 200, taken.text
    assert (taken.json()["code"], taken.json()["fields"]["ZZMC"]) == ("IN_FORCE", "营业执照")
    assert counter.call("POST", "/v1/presentations/scan", json={"code": code}).json()["code"] == "CODE_USED"
    minted, look = audited(hub, "present")[-1], audited(hub, "scan")[-2]
    assert (minted.actor, minted.code, look.actor) == ("holder", "SHOWN", counter.client_id)
    assert bytes(minted.subject_bi) == bytes(look.subject_bi)


def test_no_code_for_another_s_license_nor_without_a_form_of_ours(holder, hub):  # noqa: F811
    mine, foreign = (f"/me/licenses/{identifier_of(hub, one)}" for one in (HOLDER, OTHER))
    assert holder.post(f"{foreign}/show", page=mine).status_code == 404
    assert holder.send("POST", f"{mine}/show", data={}).status_code == 403
    assert holder.get(f"{mine}/show").status_code == 405
