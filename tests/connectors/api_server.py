"""A paged JSON API that misbehaves on request: `python -m tests.connectors.api_server PORT`, 127.0.0.1 only.

`PUT /scripts/NAME` with `{"rows": n, "faults": {"<request number>": fault}, …}` sets what `GET /NAME` does; `GET /asked/NAME` tells what
it was asked. Faults: `{"status": 429, "headers": {…}}`, `cut_body`, `cut_json`, `short`, `long`, `total`, `drop`, `hang`, `drip`.
A fault under `"*"` is what every request gets.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SCRIPTS: dict[str, dict] = {}
ASKED: dict[str, list[dict]] = {}


def item(number: int) -> dict:
    return {"编号": f"{number:05}", "名称": f"单位{number}", "地址": None, "更新时间": f"2026-11-20 08:00:{number % 60:02}"}


def page(script: dict, query: dict[str, str], total: int) -> dict:
    if "answer" in script:
        return script["answer"]
    size = int(query["size"])
    if script.get("cursor"):
        first = int(query.get("cursor") or 0)
        last = min(first + size, total)
        following = None if last == total else "0" if script["cursor"] == "loop" else str(last)
        return {"items": [item(n) for n in range(first, last)], "next": {"cursor": following}, "total": total}
    first = (int(query["page"]) - 1) * size
    found = {"items": [item(n) for n in range(first, min(first + size, total))]}
    return found if script.get("untold") else found | {"total": total}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        name = self.path.removeprefix("/scripts/")
        SCRIPTS[name] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ASKED[name] = []
        self.answer(b"{}")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/asked/"):
            return self.answer(json.dumps(ASKED[url.path.removeprefix("/asked/")]).encode())
        name = url.path.strip("/")
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        asked = ASKED[name]
        asked.append({"query": query, "authorization": self.headers.get("Authorization")})
        script = SCRIPTS[name]
        fault = script.get("faults", {}).get(str(len(asked)), script.get("faults", {}).get("*"))
        total = script.get("rows", 0) + (1 if len(asked) >= script.get("grows_at", 10**9) else 0)
        with suppress(ConnectionError):  # a client that gave up is no fault of the server
            self.misbehave(fault, page(script, query, total))

    def misbehave(self, fault: object, found: dict) -> None:
        if isinstance(fault, dict):
            return self.answer(b"{}", fault["status"], fault.get("headers", {}))
        if fault == "drop":
            self.close_connection = True
            return None
        if fault == "hang":
            time.sleep(1)
        if fault == "drip":
            return self.answer(json.dumps(found).encode(), slow=0.02)
        if fault == "short":
            found["items"].pop()
        if fault == "long":
            found["items"].append(item(0))
        if fault == "total":
            found["total"] += 3
        body = json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")
        if fault == "cut_json":
            return self.answer(body[:-20])
        return self.answer(body, keep=len(body) // 2 if fault == "cut_body" else None)

    def answer(
        self, body: bytes, status: int = 200, headers: dict[str, str] | None = None, keep: int | None = None, slow: float = 0
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if slow:
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                time.sleep(slow)
        else:
            self.wfile.write(body[:keep])
        self.close_connection = keep is not None

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
