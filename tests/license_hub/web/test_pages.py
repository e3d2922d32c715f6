"""The /verify page without a browser: what it says, what it never repeats, and its templates."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from license_hub.web import pages
from tests.license_hub.caller import send
from tests.license_hub.sample_hub import STATUSES, Clock, credit_code, identifier_of, identifiers, sample_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog):
    made = sample_hub(tmp_path_factory.mktemp("pages"), catalog, clock=Clock())
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(hub):
    from license_hub.api.build import build

    return build(hub, pages.routers(), pages.problem_page)


def post(app, **form):
    return send(app, "POST", "/verify", data=form)


@pytest.mark.parametrize("code", STATUSES)
def test_page_says_verdict_reason_next_step_and_checks(app, hub, code):
    identifier = identifier_of(hub, credit_code(1000 + list(STATUSES).index(code)))
    text = post(app, identifier=identifier).text
    message = hub.catalog.messages[code]
    kind, heading = ("valid", "有效") if code == "IN_FORCE" else ("invalid", "无效")
    assert f"result-{kind}" in text and f">{heading}</h1>" in text.replace("</span>", ">", 1)
    assert message.sentence in text and message.next_step in text
    assert re.search(r"数据截至.*?2026年11月21日", text, re.S)
    assert [re.search(f"{name}</span><span class=\"how\">(.*?)<", text)[1] for name in ("内容", "签章", "日志", "状态")] == [
        "通过", "通过", "通过", "通过" if kind == "valid" else "未通过"
    ]  # fmt: skip
    assert "线下办理" in text


def test_page_of_an_unknown_license_is_undetermined_and_lists_no_check_as_passed(app, hub):
    from license_hub.domain.identifier import mint

    parts = identifiers(hub)[0].split(".")
    text = post(app, identifier=mint(parts[5], parts[6], "0" * 25, 1)).text
    assert "result-undetermined" in text and "无法判定" in text
    assert "check-passed" not in text


def test_page_keeps_the_form_when_something_is_missing(app):
    answer = post(app, identifier="  ")
    assert answer.status_code == 422
    assert "请填写证照标识" in answer.text and 'aria-invalid="true"' in answer.text


def test_page_takes_identifiers_as_people_paste_them(app, hub):
    identifier = identifiers(hub)[0]
    pasted = "　" + identifier[:30].lower() + "\r\n " + identifier[30:].translate({ord("0") + n: ord("０") + n for n in range(10)})
    assert "result-valid" in post(app, identifier=pasted).text


def test_t30_page_never_repeats_the_holder_number_nor_keeps_the_answer(app, hub):
    number = credit_code(1000)
    answer = post(app, identifier=identifier_of(hub, number), holder_number=number)
    assert "result-valid" in answer.text and number not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_page_with_the_wrong_holder_says_the_content_differs(app, hub):
    text = post(app, identifier=identifier_of(hub, credit_code(1000)), holder_number=credit_code(1001)).text
    assert "result-invalid" in text and hub.catalog.messages["CONTENT_MISMATCH"].sentence in text


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_page_takes_a_plain_form_alone(app, kind):
    answer = send(app, "POST", "/verify", content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_t32_page_escapes_what_was_typed(app):
    text = post(app, identifier='"><script>alert(1)</script>').text
    assert "<SCRIPT>" not in text.upper().replace("&LT;SCRIPT&GT;", "")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=250), st.text(max_size=60))
def test_t32_page_any_input_gives_a_page_without_new_markup(app, identifier, holder):
    answer = post(app, identifier=identifier, holder_number=holder)
    assert answer.status_code in (200, 422)
    assert tags(answer.text) <= TAGS


TAGS = {
    "html", "head", "meta", "title", "link", "body", "a", "header", "p", "main", "section", "div", "svg", "circle", "path", "h1", "h2",
    "nav", "span", "strong", "dl", "dt", "dd", "time", "ul", "li", "form", "label", "textarea", "input", "button", "footer",
}  # fmt: skip


def tags(text: str) -> set[str]:
    found = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)
    parser.feed(text)
    return found


def test_page_has_no_script_and_no_address_elsewhere(app, hub):
    for text in (send(app, "GET", "/verify").text, post(app, identifier=identifiers(hub)[0]).text):
        assert "<script" not in text and "style=" not in text and "onclick" not in text
        assert not re.search(r"(src|href|action)=\"(?!/|#)", text)
        assert 'lang="zh-CN"' in text and 'autocomplete="off"' in text


def test_start_leads_to_the_page_and_a_wrong_address_to_a_page_that_says_so(app, hub):
    start = send(app, "GET", "/")
    assert (start.status_code, start.headers["location"]) == (307, "/verify")
    lost = send(app, "GET", "/nowhere", headers={"Accept": "text/html,application/xhtml+xml"})
    assert lost.status_code == 404 and hub.catalog.messages["NO_SUCH_RESOURCE"].sentence in lost.text and "线下办理" in lost.text


def test_static_files_are_served_with_a_tag_and_nothing_else_is(app):
    css = send(app, "GET", "/static/style.css")
    assert css.headers["content-type"].startswith("text/css") and len(css.content) < 40_000
    again = send(app, "GET", "/static/style.css", headers={"If-None-Match": css.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path in ("/static/", "/static/../pages.py", "/static/%2e%2e/pages.py", "/static/nothing.css"):
        assert send(app, "GET", path).status_code == 404


def test_templates_every_text_for_people_is_a_message():
    """gettext finds every Chinese text of the templates: what stands outside a translation mark could not be translated."""
    from jinja2 import nodes

    made = pages.environment()
    for name in made.list_templates():
        tree = made.parse(made.loader.get_source(made, name)[0])
        for output in tree.find_all(nodes.TemplateData):
            assert not re.search("[\u4e00-\u9fff]", output.data), f"{name}: {output.data.strip()[:40]}"
