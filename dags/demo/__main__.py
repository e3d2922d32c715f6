"""`make demo`: generated departments → the real DAGs → licenses → one verified over HTTP, on embedded defaults.

`DEMO_ONCE=1` stops after the report; the exit code is 1 if any number differs from the generator's truth file
(`DEMO_TRUTH` names another one, `DEMO_PERSONS` another size).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from dags.demo.places import ROOT, Places

RESOURCES = ("population", "legal_entity", "food_permit", "real_estate_title")
PERSONS = os.environ.get("DEMO_PERSONS", "20000")
TOO_LONG_S = 30


def say(text: str) -> None:
    print(f"[demo] {text}", flush=True)


@contextmanager
def server(command: list[str], places: Places, name: str, port: int) -> Iterator[None]:
    """A child process, once its port answers; stopped by its pid at the end. Its output is in var/demo/<name>.log."""
    import socket

    with (places.home / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 -- our own programs
        try:
            until = time.monotonic() + TOO_LONG_S
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex((places.host, port)) == 0:
                        break
                if child.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{name} did not start: see {log.name} (is port {port} taken?)")
                time.sleep(0.05)
            yield
        finally:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(10)
            if child.poll() is None:
                child.kill()


def generate(places: Places) -> dict:
    """Fresh departments; returns the generator's truth."""
    command = [sys.executable, "-m", "connectors.sample", "--out", str(places.departments), "--persons", PERSONS]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 -- our own program
    truth = Path(os.environ.get("DEMO_TRUTH", places.departments / "truth.json"))
    return json.loads(truth.read_text(encoding="utf-8"))["resources"]


def issue(places: Places) -> dict[str, dict]:
    """The real DAGs over the generated departments; DAG id → what its task returned."""
    answers, log = places.home / "answers.json", places.home / "dags.log"
    api = [sys.executable, "-m", "connectors.sample.permit_api", str(places.departments)]
    pipeline = [sys.executable, "-m", "dags.demo.pipeline", str(answers), *RESOURCES]
    with server([*api, "--port", str(places.permit_port), "--token", places.permit_token], places, "permits", places.permit_port):
        with log.open("wb") as output:
            code = subprocess.run(pipeline, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT).returncode  # noqa: S603 -- our own program
    if code:
        raise SystemExit(f"a DAG failed: see {log.relative_to(ROOT)}")
    return json.loads(answers.read_text(encoding="utf-8"))


def verify(places: Places) -> dict:
    """One license in force, verified over HTTP; with the log's size and checkpoint."""
    from dags.demo import client
    from license_hub import settings
    from license_hub.service.hub import open_hub

    with closing(open_hub(settings.read(), clock=lambda: datetime.now(UTC))) as hub:
        identifier = client.one_in_force(hub)
        head = client.log_head(hub)
        return {"identifier": identifier, **head, "verdict": client.verify_over_http(hub, places.url, identifier)}


def staff(places: Places) -> None:
    """Accounts for the staff pages, told here and in a file, and nowhere else."""
    from dags.demo.staff import give_accounts, keep
    from license_hub import settings
    from license_hub.service.hub import open_hub

    with closing(open_hub(settings.read(), clock=lambda: datetime.now(UTC))) as hub:
        given = give_accounts(hub)
    keep(given, places.accounts)
    say(f"sign in at {places.url}/sign-in (also in {places.accounts.relative_to(ROOT)}):")
    for one in given:
        say(f"  {one.account:<11} {one.password}  {one.who}")


def main() -> int:
    began = time.monotonic()
    once = os.environ.get("DEMO_ONCE") == "1"
    places = Places(ROOT / "var" / "demo")
    shutil.rmtree(places.home, ignore_errors=True)
    places.home.mkdir(parents=True)
    places.enter()
    from dags.demo.report import differences, gather, show

    say(f"generating four departments for {int(PERSONS):,} persons")
    truth = generate(places)
    say("running the DAGs: land → check → issue")
    resources = gather(RESOURCES, issue(places))
    say(f"starting the hub on {places.url}")
    with server([str(ROOT / ".venv" / "bin" / "hub"), "serve"], places, "hub", places.port):
        report = {"resources": resources, **verify(places), "differences": differences(resources, truth)}
        report["seconds"] = round(time.monotonic() - began, 1)
        places.report.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
        show(report)
        say(f"report in {places.report.relative_to(ROOT)}, {report['seconds']} s")
        staff(places)
        if not once:
            say(f"open {places.url}/verify and enter {report['identifier']}")
            say(f"API description: {places.url}/v1/openapi.json    Ctrl-C stops")
            with suppress(KeyboardInterrupt):
                signal.pause()
    return 1 if report["differences"] else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
