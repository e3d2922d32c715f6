"""The license page: versions, where each came from, and nothing of the holder."""

from __future__ import annotations

import re

from tests.license_hub.sample_hub import company, deliver, write_csv
from tests.license_hub.web.staff_visit import BODY, OTHER_BODY, Browser


def test_license_page_names_versions_batches_and_states_for_whoever_may_see_them(app, staffed, licenses, tickets, tmp_path, clock):
    deliver(staffed, write_csv(tmp_path / "again.csv", [company(4000 + place, 住所="样例省样例市新路1号") for place in range(29)]))
    visitor = Browser(app)
    visitor.sign_in("quality")
    page = visitor.get(f"/licenses/{licenses[BODY]}")
    assert page.status_code == 200 and "营业执照" in page.text
    assert re.findall(r'<td class="num">(\d)</td>', page.text) == ["2", "1"] and page.text.count("已被新版本取代") == 1
    batch = re.search(r'href="(/quality/batches/[^"]+)"', page.text)[1]
    assert visitor.get(batch).status_code == 200
    assert "<dd>有效</dd>" in page.text and "内容与制发记录一致" not in page.text
    assert "样例甲" not in page.text and "新路1号" not in page.text
    known = licenses[BODY]
    assert visitor.get(f"/licenses/{known[:-1]}{'Y' if known.endswith('X') else 'X'}").status_code == 404


def test_t32_license_page_opens_for_staff_of_its_issuer_alone(app, licenses):
    visitor = Browser(app)
    visitor.sign_in("body")
    page = visitor.get(f"/licenses/{licenses[BODY]}")
    assert page.status_code == 200 and "/quality/batches/" not in page.text
    assert visitor.get(f"/licenses/{licenses[OTHER_BODY]}").status_code == visitor.get("/licenses/nothing").status_code == 403
