"""Data Docs in a real browser with no network: styled, working, every sentence and rule id there, nothing asked of anybody else."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from quality import gx, gx_pages
from tests.quality_gx.conftest import Told
from tests.quality_gx.test_store import BATCH, NOT_NULL, store

SITE = Path("gx/uncommitted/data_docs/local_site")


@pytest.fixture
def failing(catalog, told):
    """Outcomes of every kind: failed, errored, skipped, clean."""
    rules = catalog.rules["population"]
    states = {
        NOT_NULL: Told(NOT_NULL, evaluated=80, failed=20, undefined=20),
        rules[4].id: Told(rules[4].id, errored=1),
        rules[5].id: Told(rules[5].id, skipped=1),
    }
    return told(rules, **states)


class Visitor:
    """A page of the browser that lets nothing but files through, and remembers who else was asked."""

    def __init__(self, browser):
        self.page = browser.new_page()
        self.elsewhere: list[str] = []
        self.failed: list[str] = []
        self.errors: list[str] = []
        self.page.route("**/*", self._decide)
        self.page.on("requestfailed", lambda request: self.failed.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _decide(self, route):
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()


@pytest.fixture
def visitor(browser):
    made = Visitor(browser)
    yield made
    made.page.close()


def run_page(folder: Path) -> Path:
    (page,) = (folder / SITE).rglob("validations/**/*.html")
    return page


def test_data_docs_render_every_rule_and_load_nothing_from_elsewhere(folder, catalog, failing, visitor, docs, screenshots, caplog):
    missing = [path for path in gx_pages.COPIES.values() if not (gx_pages.PACKAGES / path).is_file()]
    assert not missing, "run `make setup` with npm: these tests hold what it brings"
    key = store(folder, catalog, failing)
    with caplog.at_level(logging.WARNING):
        index = docs.build(folder, [key])
    assert not [record for record in caplog.records if record.name.startswith(("quality", "great_expectations"))]
    visitor.page.goto(index.as_uri())
    visitor.page.get_by_text(BATCH).first.wait_for()
    assert visitor.page.locator("img").first.evaluate("one => one.naturalWidth") > 0
    assert not visitor.page.get_by_role("note").is_visible(), "Bootstrap is there and hides the notice"
    visitor.page.goto((folder / SITE / "expectations" / "population.html").as_uri())
    told = visitor.page.inner_text("body")
    assert all(f"{rule.sentence}（{rule.id}）" in told for rule in catalog.rules["population"])
    visitor.page.goto(run_page(folder).as_uri())
    told = visitor.page.inner_text("body")
    judged = [rule for rule in catalog.rules["population"] if rule.id not in {one.rule for one in failing if one.errored or one.skipped}]
    assert all(rule.id in told for rule in judged) and "20 unexpected values found" in told
    clean = visitor.page.get_by_text(judged[-1].sentence)
    visitor.page.get_by_text("Failed Only").click()
    clean.first.wait_for(state="hidden")
    assert visitor.page.evaluate("document.fonts.check('900 16px \"Font Awesome 6 Free\"')")
    visitor.page.screenshot(path=screenshots / "data-docs-run.png")
    assert (visitor.elsewhere, visitor.failed, visitor.errors) == ([], [], [])


def test_data_docs_without_npm_are_plain_but_whole_and_say_what_to_do(
    folder, tmp_path, catalog, failing, visitor, docs, screenshots, caplog
):
    store(folder, catalog, failing)
    with caplog.at_level(logging.WARNING, logger="quality"):
        docs.build(folder, packages=tmp_path / "no npm here")
    assert "not installed" in caplog.text and "make setup" in caplog.text
    visitor.page.goto(run_page(folder).as_uri())
    assert visitor.page.get_by_role("note").is_visible() and "make setup" in visitor.page.get_by_role("note").inner_text()
    assert "20 unexpected values found" in visitor.page.inner_text("body")
    visitor.page.screenshot(path=screenshots / "data-docs-plain.png")
    assert visitor.elsewhere == [] and all(url.startswith("file:") for url in visitor.failed)
    docs.build(folder)
    visitor.page.reload()
    assert not visitor.page.get_by_role("note").is_visible(), "the next build with npm makes the same pages whole"


def test_plain_gx_call_that_builds_the_pages_builds_ours(folder, catalog, told, docs):
    """A store knows its site: whoever calls GX's own `build_data_docs` gets pages without addresses of other hosts."""
    key = store(folder, catalog, told(catalog.rules["population"]))
    docs.build(folder, [key])
    before = run_page(folder).read_text(encoding="utf-8")
    gx.context(folder).build_data_docs()
    assert run_page(folder).read_text(encoding="utf-8").count("<script") == before.count("<script") > 5
    pages = list((folder / SITE).rglob("*.html"))
    assert len(pages) == 3
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text and "<link" in text and 'stylesheet" href="http' not in text and "dataContextId" not in text


def test_store_of_an_earlier_version_gets_the_offline_site(folder, catalog, told, docs):
    store(folder, catalog, told(catalog.rules["population"]))
    assert gx.context(folder).list_data_docs_sites()[docs.NAME]["store_backend"]["class_name"] == "TupleFilesystemStoreBackend"
    docs.build(folder)
    assert gx.context(folder).list_data_docs_sites()[docs.NAME] == docs.CONFIGURATION


def test_unknown_script_is_taken_out_and_a_known_one_becomes_its_copy():
    page = (
        '<html><body><script src="https://a.example/npm/vega@5"></script><link rel="stylesheet" href="//b.example/x/all.min.css"/>'
        "<style>a{background:url('https://c.example/full_logo_dark.png')}</style><a href=\"https://d.example\">d</a></body></html>"
    )
    made = gx_pages.offline(page, "../")
    assert "vega" not in made and 'href="../static/npm/@fortawesome/fontawesome-free/css/all.min.css"' in made
    assert "url('../static/images/logo-long.png')" in made
