"""Pages of a real server process that cuts, stalls, refuses and miscounts on request."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from connectors import http_api, landing, paging
from connectors.errors import ContractBroken, SourceUnavailable
from connectors.settings import connection
from tests.connectors.conftest import NOW, make_resource, rows
from tests.support import processes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    port = processes.free_port()
    command = [sys.executable, "-m", "tests.connectors.api_server", str(port)]
    log = tmp_path_factory.mktemp("api") / "log"
    with processes.running(command, env=os.environ, log=log, ready=lambda: processes.answers(port), cwd=ROOT):
        yield f"http://127.0.0.1:{port}"


class Api:
    """One scripted path of the server, and what pulling it does."""

    def __init__(self, server: str, lake: Path):
        self.server, self.lake, self.name = server, lake, f"r{uuid4().hex[:8]}"
        self.waits: list[float] = []

    def script(self, **script) -> None:
        httpx.put(f"{self.server}/scripts/{self.name}", content=json.dumps(script)).raise_for_status()

    def asked(self) -> list[dict]:
        return httpx.get(f"{self.server}/asked/{self.name}").json()

    def pull(self, since: str | None = None, mode: str = "snapshot", **options) -> landing.LandedBatch:
        given = {"path": f"/{self.name}", "page_size": 10} | options
        resource = make_resource("http_api", mode, connection="api", **given)
        address = connection("api", self.server.replace("http://", "http://:s%40cret@"))
        with http_api.feed(resource, address, now=NOW, since=since, sleep=self.waits.append) as feed:
            return landing.land(resource, feed, self.lake, now=NOW)


@pytest.fixture
def api(server, lake) -> Api:
    return Api(server, lake)


def numbers(batch) -> list[str]:
    return [row["编号"] for row in rows(batch)]


def test_pages_land_in_order_with_the_token_sent(api):
    api.script(rows=25)
    batch = api.pull()
    assert numbers(batch) == [f"{n:05}" for n in range(25)]
    assert [row["_line"] for row in rows(batch)] == list(range(1, 26))
    assert {row["地址"] for row in rows(batch)} == {None}
    assert (batch.manifest.connector, batch.manifest.source) == ("http_api", f"/{api.name}")
    assert [one["query"] for one in api.asked()] == [{"page": str(n), "size": "10"} for n in (1, 2, 3)]
    assert {one["authorization"] for one in api.asked()} == {"Bearer s@cret"}


@pytest.mark.parametrize("count", [0, 10, 20])
def test_total_that_fills_its_pages_asks_for_no_more(api, count):
    api.script(rows=count)
    assert api.pull().manifest.rows == count
    assert len(api.asked()) == max(count // 10, 1)


def test_pages_without_total_end_with_a_short_one(api):
    api.script(rows=20, untold=True)
    assert api.pull().manifest.rows == 20
    assert len(api.asked()) == 3


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"status": 503}, "cut_body", "cut_json", "short", "long", "drop"])
@pytest.mark.parametrize("at", ["1", "3"])
def test_page_that_fails_once_is_asked_for_again(api, fault, at):
    api.script(rows=25, faults={at: fault})
    assert numbers(api.pull()) == [f"{n:05}" for n in range(25)]
    assert len(api.asked()) == 4
    assert len(api.waits) == 1


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 502}, "cut_body", "cut_json", "short", "long", "drop"])
def test_page_that_never_comes_whole_is_unavailable_and_lands_nothing(api, fault, lake):
    api.script(rows=25, faults={"*": fault})
    with pytest.raises(SourceUnavailable, match="page 1") as raised:
        api.pull()
    assert len(api.asked()) == paging.ATTEMPTS
    assert "s@cret" not in str(raised.value) and "单位" not in str(raised.value)
    assert not list(lake.glob("landing/*/*"))


def test_answer_that_hangs_is_given_up(api):
    api.script(rows=5, faults={"1": "hang"})
    assert api.pull(timeout_s=0.2).manifest.rows == 5
    assert len(api.asked()) == 2


def test_page_that_drips_in_is_given_up(api, monkeypatch):
    monkeypatch.setattr(paging, "PAGE_SECONDS", 0.2)
    api.script(rows=5, faults={"1": "drip"})
    assert api.pull().manifest.rows == 5
    assert len(api.asked()) == 2


def test_waits_grow_with_jitter_and_stay_bounded(api):
    api.script(rows=5, faults={"*": {"status": 500}})
    with pytest.raises(SourceUnavailable):
        api.pull()
    assert len(api.waits) == paging.ATTEMPTS - 1
    assert len(set(api.waits)) == len(api.waits)
    assert all(0 <= wait <= 0.5 * 2**n for n, wait in enumerate(api.waits, 1))


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7.5),
        ({"Retry-After": "99999"}, paging.MAX_WAIT_S, paging.MAX_WAIT_S + 0.5),
        ({"Retry-After": "Sat, 21 Nov 2099 00:00:00 GMT"}, paging.MAX_WAIT_S, paging.MAX_WAIT_S + 0.5),
        ({"Retry-After": "Sat, 21 Nov 2020 00:00:00 GMT"}, 0, 0.5),
        ({"Retry-After": "soon"}, 0, 1),
    ],
)
def test_retry_after_is_honoured(api, headers, low, high):
    api.script(rows=5, faults={"1": {"status": 429, "headers": headers}})
    assert api.pull().manifest.rows == 5
    assert low <= api.waits[0] <= high


def test_total_that_changes_starts_over_once(api):
    api.script(rows=25, grows_at=2)
    assert api.pull().manifest.rows == 26
    assert [one["query"]["page"] for one in api.asked()] == ["1", "2", "1", "2", "3"]


def test_total_that_keeps_changing_is_unavailable(api, lake):
    api.script(rows=25, faults={"2": "total", "4": "total"})
    with pytest.raises(SourceUnavailable, match="changed while paging"):
        api.pull()
    assert not list(lake.glob("landing/*/*"))


def test_total_that_is_wrong_throughout_is_unavailable(api):
    api.script(rows=25, faults={"*": "total"})
    with pytest.raises(SourceUnavailable, match="page 3: the page is cut off"):
        api.pull()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 301, 302, 307])
def test_answer_that_asking_again_does_not_change_breaks_the_contract(api, status):
    api.script(rows=5, faults={"*": {"status": status, "headers": {"Location": f"{api.server}/elsewhere"}}})
    with pytest.raises(ContractBroken, match=str(status)) as raised:
        api.pull()
    assert len(api.asked()) == 1
    assert raised.value.hint and "s@cret" not in str(raised.value)


@pytest.mark.parametrize("answer", [[], {"items": {}}, {"items": [1]}, {"rows": []}, {"items": [], "total": "many"}, None])
def test_answer_of_another_form_breaks_the_contract(api, answer):
    api.script(answer=answer)
    with pytest.raises(ContractBroken):
        api.pull()


def test_values_keep_their_digits_and_nesting(api):
    found = {"编号": 12345678901234567890123, "名称": True, "地址": {"市": "甲", "n": [1.5, 2, None]}, "更新时间": 1e2, "多": "\ud800x"}
    api.script(answer={"total": 2, "items": [found, {"编号": "2", "名称": ""}]})
    batch = api.pull()
    first, second = rows(batch)
    assert (first["编号"], first["名称"], first["地址"], first["多"]) == (
        "12345678901234567890123",
        "true",
        '{"市":"甲","n":[1.5,2,null]}',
        "\ufffdx",
    )
    assert (second["名称"], second["地址"], second["多"]) == ("", None, None)
    assert batch.manifest.extra_columns == ("多",)


def test_key_that_no_row_has_is_missing(api):
    api.script(answer={"total": 1, "items": [{"编号": "1", "名称": "n"}]})
    assert api.pull().manifest.missing_optional == ("地址", "更新时间")
    api.script(answer={"total": 1, "items": [{"编号": "1"}]})
    with pytest.raises(ContractBroken, match="required column") as raised:
        api.pull()
    assert raised.value.column == "名称"


def test_column_first_seen_on_a_later_page_is_whole(api):
    api.script(rows=12)
    batch = api.pull(page_size=5)
    assert batch.manifest.columns == ("编号", "名称", "地址", "更新时间")


def test_cursor_is_followed_to_its_end(api):
    api.script(rows=25, cursor="yes")
    assert numbers(api.pull(cursor="next.cursor")) == [f"{n:05}" for n in range(25)]
    assert [one["query"].get("cursor") for one in api.asked()] == [None, "10", "20"]


def test_cursor_that_comes_back_breaks_the_contract(api):
    api.script(rows=25, cursor="loop")
    with pytest.raises(ContractBroken, match="cursor twice"):
        api.pull(cursor="next.cursor")


def test_cursor_pages_short_of_their_total_are_unavailable(api):
    api.script(rows=25, cursor="yes", faults={"3": "short", "6": "short"})
    with pytest.raises(SourceUnavailable, match="total"):
        api.pull(cursor="next.cursor")


def test_increment_asks_from_the_watermark_less_the_lag(api):
    api.script(rows=5)
    batch = api.pull("2026-11-20 08:00:00", "increment", since_param="since")
    assert api.asked()[0]["query"]["since"] == "2026-11-20 07:50:00"
    assert batch.manifest.watermark == {"from": "2026-11-20 08:00:00", "to": "2026-11-20 08:00:04"}


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "@evil.example/x", "http://evil.example/", "/", "/a//b", "/a/../../b", "rows", "/a?x=1", "/a#x", "/\\evil"]
)
def test_t13_path_that_leads_elsewhere_breaks_the_contract(api, path):
    with pytest.raises(ContractBroken, match="leads away"):
        api.pull(path=path)


@pytest.mark.parametrize("address", ["ftp://host/", "file:///etc/passwd", "host/path", "http://"])
def test_t13_connection_that_is_no_web_address_breaks_the_contract(lake, address):
    resource = make_resource("http_api")
    with pytest.raises(ContractBroken, match="not an http"), http_api.feed(resource, connection("api", address), now=NOW):
        pass


def test_server_that_is_not_there_is_unavailable(lake):
    waits: list[float] = []
    gone = connection("api", f"http://127.0.0.1:{processes.free_port()}")
    with (
        pytest.raises(SourceUnavailable, match="ConnectError"),
        http_api.feed(make_resource("http_api"), gone, now=NOW, sleep=waits.append),
    ):
        pass
    assert len(waits) == paging.ATTEMPTS - 1
