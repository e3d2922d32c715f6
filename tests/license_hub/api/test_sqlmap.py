"""sqlmap against a real server over PostgreSQL finds nothing to inject into: five operations in the test, all by `make nightly`.

That it would find something is tried first, on a small page that asks its database the wrong way.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from license_hub.service import keep_grants
from license_hub.service.register_client import SCOPES, register
from tests.license_hub.caller import Key, token_form
from tests.license_hub.sample_hub import credit_code, identifier_of, options, sample_hub, wall_clock
from tests.license_hub.server import running
from tests.support import postgres

SQLMAP = shutil.which("sqlmap")
pytestmark = pytest.mark.skipif(SQLMAP is None, reason="no sqlmap: as root, apt-get install sqlmap")
FOUND = "the following injection point"
ABOUT = 2000
JSON = {
    "verifications": (
        "/v1/verifications",
        '{"type":"business_license","number":"NUMBER*","holder_number":"NUMBER*","purpose":"p*","case_no":"c*"}',
    ),
    "cases": (
        "/v1/cases",
        '{"case_no":"x*","matter":"food_permit_new","operator":"o*","window":"7*","received_in":"990101","handled_in":"990101",'
        '"applicants":[{"party":"applicant","name":"n*","number":"NUMBER*"}]}',
    ),
    "authorizations": ("/v1/authorizations", '{"how":"ask","case_id":1,"party":"applicant*","type":"business_license*","operator":"o*"}'),
    "corrections": ("/v1/corrections", '{"identifier":"IDENTIFIER*","fields":["KZ_住所*"],"reason":"OUTDATED","comment":"已于上月迁址*"}'),
    "scan": ("/v1/presentations/scan", '{"code":"C*","purpose":"p*","case_no":"S-1*"}'),
    "copies": ("/v1/licenses/IDENTIFIER/copies", '{"purpose":"p*","case_no":"S-1*"}'),
    "answer": ("/v1/checks/00000000000000000000000000000000*/answer", '{"answer":"CONFIRMED","note":"n*"}'),
    "decision": ("/v1/cases/1/decision", '{"operator":"o*"}'),
    "prefill": ("/v1/cases/1/prefill", '{"operator":"o*"}'),
    "facade-token": ("/elicense/v1/token", '{"data":{"appId":"a*","appSecret":"b*"}}'),
    "facade-search": (
        "/elicense/v1/zzcx",
        '{"head":{"accessId":"a*","accessToken":"b*"},"data":{"useCause":"S-1*","holderCode":"NUMBER*"}}',
    ),
}
"""Operation → path and body; a star is a place to try. IDENTIFIER and NUMBER are the sample's."""
PATHS = {
    "license": "/v1/licenses/IDENTIFIER*",
    "case": "/v1/cases/1*",
    "receipt": "/v1/cases/1/receipts/00000000000000000000000000000000*",
    "authorization": "/v1/authorizations/00000000000000000000000000000000*",
    "correction": "/v1/corrections/00000000000000000000000000000000*",
    "download": "/v1/downloads/secret*",
    "matters": "/matters?q=a*",
}
FRESH_KEY = """
import uuid

__priority__ = 1

def dependencies():
    pass

def tamper(payload, **kwargs):
    kwargs["headers"]["Idempotency-Key"] = uuid.uuid4().hex
    return payload
"""
"""A call under a key that was used before is answered from memory, and tries nothing."""
IN_THE_TEST = ("verifications", "cases", "authorizations", "case", "license")


@dataclass(frozen=True)
class Target:
    url: str
    headers: dict[str, str]
    identifier: str

    def filled(self, text: str) -> str:
        return text.replace("IDENTIFIER", self.identifier).replace("NUMBER", credit_code(ABOUT))


@pytest.fixture(scope="module")
def target(tmp_path_factory, catalog, postgres_server) -> Iterator[Target]:
    folder, key = tmp_path_factory.mktemp("sqlmap"), Key()
    with postgres.database(postgres_server) as url:
        hub = sample_hub(folder, catalog, url, wall_clock)
        client = register(hub, "sqlmap", key.jwk, SCOPES, sorted(catalog.license_types), credit_code(2, "11"))
        until = (hub.now() + timedelta(days=9)).date()
        for kind in sorted(catalog.license_types):
            keep_grants.give(hub, client.client_id, kind, "food_permit_new", until, "样例1号", "test")
        with running(options(folder, url), folder, HUB_PUBLIC_URL="{url}") as server:
            form = token_form(key.assertion(client.client_id, server.url, time.time()))
            token = httpx.post(f"{server.url}/oauth/token", data=form).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}", "Hub-Purpose": "check", "Hub-Case-No": "S-1", "Idempotency-Key": "sqlmap-key-0"}
            yield Target(server.url, headers, identifier_of(hub, credit_code(ABOUT)))
        hub.close()


def tried(url: str, folder: Path, headers: dict[str, str], body: str = "", level: int = 1) -> str:
    """What sqlmap says of the starred places."""
    command = [
        SQLMAP, "-u", url, "--batch", "--disable-coloring", "--flush-session", "--output-dir", str(folder), "--dbms", "PostgreSQL",
        "--level", str(level), "--risk", "1", "--technique", "BEU", "--threads", "4", "--timeout", "30", "--retries", "0",
        "--ignore-code", "*", "-t", str(folder / "traffic"), "--skip-waf", "--answers", "JSON=Y,custom injection marker=Y",
    ]  # fmt: skip
    (folder / "__init__.py").touch()
    (folder / "fresh_key.py").write_text(FRESH_KEY)
    command += ["--tamper", str(folder / "fresh_key.py")]
    command += ["--headers", "\n".join(f"{name}: {value}" for name, value in headers.items())] if headers else []
    command += ["--data", body, "--method", "POST"] if body else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    return done.stdout + done.stderr


@pytest.fixture
def careless(postgres_server) -> Iterator[str]:
    """A page that puts what it is asked into its SQL."""
    plain = postgres_server.set(drivername="postgresql").render_as_string(hide_password=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query).get("id", [""])[0]
            try:
                with psycopg.connect(plain) as connection:
                    rows = connection.execute("SELECT oid, datname FROM pg_database WHERE datname = '" + asked + "'").fetchall()
            except psycopg.Error:
                rows = []
            told = f"<p>{'found' if rows else 'nothing'}</p>".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/?id="
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_t17_sqlmap_finds_what_is_there_to_find(careless, tmp_path):
    assert FOUND in tried(careless + "postgres", tmp_path, {})


@pytest.mark.parametrize(
    "name", [*IN_THE_TEST, *(pytest.param(one, marks=pytest.mark.nightly) for one in sorted({*JSON, *PATHS} - {*IN_THE_TEST}))]
)
def test_t17_sqlmap_finds_nothing_to_inject_into(target, tmp_path, name, record_property):
    path, body = JSON[name] if name in JSON else (PATHS[name], "")
    said = tried(f"{target.url}{target.filled(path)}", tmp_path, target.headers, target.filled(body))
    answered = re.findall(r"HTTP response \[#\d+\] \((\d+)", (tmp_path / "traffic").read_text("utf-8", "replace"))
    record_property("statuses", dict(Counter(answered)))
    assert not {"401", "500", "503"} & {*answered} and answered, Counter(answered)
    assert FOUND not in said, said[-2000:]
    assert "all tested parameters do not appear to be injectable" in said, said[-2000:]
