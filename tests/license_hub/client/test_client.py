"""The Python client against a real server in a process of its own; where an answer is lost, it is lost on the way."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from license_hub.client import (
    Conflict,
    Forbidden,
    HubClient,
    HubProblem,
    InvalidRequest,
    Key,
    NotFound,
    RateLimited,
    TokenRefused,
    Unavailable,
    Unreachable,
)
from license_hub.errors import BundleMalformed, SignatureBad
from license_hub.log.note import NoteKey
from license_hub.service.keep_grants import give
from license_hub.service.open_case import SCOPE as CASES
from license_hub.service.register_client import register
from tests.license_hub.sample_hub import credit_code, identifier_of, options, sample_hub, wall_clock
from tests.license_hub.server import running

README = Path(__file__).resolve().parents[3] / "README.md"
MATTER = "food_permit_new"
TYPE = "business_license"
NUMBER = credit_code(2001)
OPENING = {"matter": MATTER, "operator": "窗口07", "window": "7", "received_in": "990101", "handled_in": "990101",
           "applicants": [{"party": "applicant", "name": "样例", "number": NUMBER}]}  # fmt: skip


class Losing(httpx.BaseTransport):
    """The real way to the server, on which the first answers are lost after the server gave them, or a proxy answers instead."""

    def __init__(self, lost: int = 0, instead: httpx.Response | None = None):
        self._way = httpx.HTTPTransport()
        self._lost, self._instead = lost, instead
        self.seen: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.path == "/oauth/token" or self._lost == 0:
            return self._way.handle_request(request)
        self._lost -= 1
        if self._instead is not None:
            return self._instead
        self._way.handle_request(request).read()
        raise httpx.ReadError("lost")

    def close(self) -> None:
        self._way.close()

    def of(self, path: str) -> list[httpx.Request]:
        return [one for one in self.seen if one.url.path == path]


class World:
    def __init__(self, hub, server):
        self.hub, self.url = hub, server.url
        self.key = Key.new()
        scopes = ["license:verify", "license:read", "license:export", "license:copy", CASES]
        self.client_id = register(hub, "counter", self.key.public, scopes, [TYPE]).client_id
        give(hub, self.client_id, TYPE, MATTER, (hub.now() + timedelta(days=30)).date(), "样例政数〔2026〕1号", "test")
        self.waits: list[float] = []
        self.made: list[HubClient] = []

    def client(self, transport: httpx.BaseTransport | None = None, **changes: object) -> HubClient:
        given = {"http": httpx.Client(transport=transport, timeout=30), "sleep": self.waits.append, "root": self.hub.roots[0].text}
        self.made.append(HubClient(self.url, self.client_id, changes.pop("key", self.key), **given | changes))
        return self.made[-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory, catalog):
    folder = tmp_path_factory.mktemp("client")
    hub = sample_hub(folder, catalog, None, wall_clock)
    with running(options(folder), folder, HUB_DPOP="required") as server:
        made = World(hub, server)
        yield made
    for one in made.made:
        one.__exit__(None, None, None)
    hub.close()


def test_client_goes_the_whole_way_from_a_key_to_a_checked_bundle(world):
    hub = world.client()
    assert hub.verify(type=TYPE, number=NUMBER, holder_number=NUMBER)["code"] == "IN_FORCE"
    identifier = identifier_of(world.hub, NUMBER)
    assert hub.verify(identifier, claims={"ZZMC": "食品经营许可证"})["code"] == "CONTENT_MISMATCH"
    case = hub.open_case(case_no="W-1", **OPENING)
    decided = hub.decide(case["case_id"])
    assert {one["outcome"] for one in decided["materials"]} and decided["case_no"] == "W-1"
    receipt = next(one["receipt"] for one in decided["materials"] if one["receipt"])
    assert hub.receipt(case["case_id"], receipt["id"], wait=True)["token"] == receipt["token"]
    assert hub.prefill(case["case_id"])["values"]
    assert hub.license(identifier, "食品经营许可", "W-1")["fields"]["ZZMC"] == "营业执照"
    report = hub.check(hub.bundle(identifier, "食品经营许可", "W-1"))
    assert report.good, report.failed
    assert hub.copy(identifier, "食品经营许可", "W-1")["url"].startswith("http")
    assert hub.close_case(case["case_id"])["state"] == "closed"
    with pytest.raises(Conflict) as refused:
        hub.bundle(identifier, "食品经营许可", "W-1")
    assert (refused.value.code, refused.value.status) == ("CASE_NOT_OPEN", 409) and refused.value.request_id


def test_ten_lines_of_the_readme_run_against_a_real_server(world, tmp_path, capsys):
    [block] = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert len([line for line in block.splitlines() if line.strip()]) == 10
    world.key.save(tmp_path / "counter-7.key")
    for shown, real in (
        ("https://hub.example", world.url), ("CLIENT-ID", world.client_id),
        ("counter-7.key", str(tmp_path / "counter-7.key")), ("hub.example/log/root+…", world.hub.roots[0].text),
        ("91990101MA0000001X", NUMBER),
    ):  # fmt: skip
        assert shown in block, shown
        block = block.replace(shown, real)
    exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "IN_FORCE" in printed and "True" in printed and "EXEMPT" in printed


def test_lost_answer_of_an_opened_case_is_asked_for_again_and_opens_none_twice(world):
    way = Losing(lost=2)
    case = world.client(way).open_case(case_no="W-2", **OPENING)
    sent = way.of("/v1/cases")
    assert len(sent) == 3 and len({one.headers["idempotency-key"] for one in sent}) == 1
    assert len({one.headers["dpop"] for one in sent}) == 3, "a proof counts once"
    assert case["case_no"] == "W-2"
    with pytest.raises(Conflict, match="CASE_TAKEN"):
        world.client().open_case(case_no="W-2", **OPENING)


def test_what_a_proxy_says_is_waited_for_and_then_told(world):
    world.waits.clear()
    way = Losing(lost=1, instead=httpx.Response(503, headers={"Retry-After": "7"}))
    assert world.client(way).verify(type=TYPE, number=NUMBER, holder_number=NUMBER)["code"] == "IN_FORCE"
    assert world.waits == [7.0]
    for answer, kind in (
        (httpx.Response(502, text="<html>"), Unavailable),
        (httpx.Response(429, headers={"Retry-After": "3600"}), RateLimited),
    ):
        with pytest.raises(kind) as told:
            world.client(Losing(lost=99, instead=answer)).verify("x" * 10)
        assert told.value.code == "" and told.value.status == answer.status_code
    assert told.value.retry_after == 3600, "nobody waits an hour inside a call"


def test_server_that_never_answers_is_unreachable_and_a_scan_is_not_tried_again(world):
    with pytest.raises(Unreachable):
        world.client(Losing(lost=99)).verify("x" * 10)
    way = Losing(lost=99)
    with pytest.raises(Unreachable):
        world.client(way).scan("MZT:X")
    assert len(way.of("/v1/presentations/scan")) == 1


def test_token_is_asked_for_once_and_again_before_its_end_or_when_it_no_longer_counts(world):
    way, late = Losing(), [0.0]
    hub = world.client(way, clock=lambda: datetime.now(UTC).timestamp() + late[0])
    for _ in range(3):
        hub.verify(type=TYPE, number=NUMBER, holder_number=NUMBER)
    assert len(way.of("/oauth/token")) == 1
    hub._token = hub._token[:-3] + "AAA"
    hub.verify(type=TYPE, number=NUMBER, holder_number=NUMBER)
    assert len(way.of("/oauth/token")) == 2
    hub._until = hub._clock() + 29
    hub.verify(type=TYPE, number=NUMBER, holder_number=NUMBER)
    assert len(way.of("/oauth/token")) == 3


def test_refusals_are_raised_by_kind_with_code_and_next_step(world):
    hub = world.client()
    case = hub.open_case(case_no="W-3", **OPENING)
    for kind, code, act in (
        (InvalidRequest, "INVALID_REQUEST", lambda: hub.verify()),
        (Forbidden, "FORBIDDEN", lambda: hub.verify(type="food_permit", number="1", holder_number="1")),
        (Forbidden, "FORBIDDEN", lambda: hub.scan("MZT:X")),
        (NotFound, "NO_SUCH_RESOURCE", lambda: hub.bundle(identifier_of(world.hub, credit_code(2002)), "x", "W-3")),
        (NotFound, "NO_SUCH_RESOURCE", lambda: hub.decide(case["case_id"] + 10_000)),
    ):
        with pytest.raises(kind) as refused:
            act()
        assert refused.value.code == code and refused.value.title and refused.value.next_step and isinstance(refused.value, HubProblem)
    with pytest.raises(TokenRefused) as refused:
        world.client(key=Key.new()).verify("x")
    assert refused.value.code == "invalid_client"


def test_bundle_that_was_changed_or_is_of_another_root_is_not_good(world):
    hub = world.client()
    hub.open_case(case_no="W-4", **OPENING)
    data = hub.bundle(identifier_of(world.hub, NUMBER), "x", "W-4")
    assert hub.check(data).good
    changed = data.replace("样例第2001号".encode(), "样例第2009号".encode())
    assert changed != data and "content" in hub.check(changed).failed
    with pytest.raises(BundleMalformed):
        hub.check(b"{}")
    with pytest.raises(ValueError, match="root"):
        world.client(root="").check(data)
    other = NoteKey(world.hub.roots[0].name, "Ed25519", bytes(32)).text
    with pytest.raises(SignatureBad):
        world.client(root=other).check(data)


def test_key_is_kept_for_its_owner_alone_and_comes_back_the_same(tmp_path):
    for key in (Key.new(), Key._of(ec.generate_private_key(ec.SECP256R1()))):
        file = tmp_path / key.alg
        key.save(file)
        assert file.stat().st_mode & 0o777 == 0o600
        assert Key.load(file).public == key.public and "d" not in key.public
        with pytest.raises(FileExistsError):
            key.save(file)
        file.chmod(0o644)
        with pytest.raises(ValueError, match="others may read"):
            Key.load(file)
    with pytest.raises(ValueError, match="expected"):
        Key._of(ec.generate_private_key(ec.SECP384R1()))
