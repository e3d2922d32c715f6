"""Without Great Expectations everything else works; with it nothing goes out over the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "great_expectations":
            raise ModuleNotFoundError("No module named 'great_expectations'", name=name)
sys.meta_path.insert(0, Blocker())

import pkgutil, importlib, pathlib
import catalogs.load, quality
for found in pkgutil.walk_packages(quality.__path__, "quality."):
    if found.name not in ("quality.gx_expectations", "quality.gx_rules", "quality.gx_docs") and ".migrations" not in found.name:
        importlib.import_module(found.name)
from quality import gx
catalog = catalogs.load.load()
resource, rules = catalog.resources["population"], catalog.rules["population"]
for call in (lambda: gx.library(), lambda: gx.context(pathlib.Path("nowhere")), lambda: gx.suite(resource, rules, catalog),
             lambda: gx.expectation(rules[0], resource, catalog)):
    try:
        call()
    except gx.GxMissing as error:
        assert "requirements.txt" in str(error), error
    else:
        raise SystemExit("GxMissing expected")
assert not pathlib.Path("nowhere").exists()
print("works without")
"""

OFFLINE = """
import sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        raise RuntimeError(f"network touched: {event}")
sys.addaudithook(watch)
import pathlib, tempfile
from datetime import datetime, UTC
from types import SimpleNamespace
import catalogs.load
from quality import gx
catalog = catalogs.load.load()
resource, rules = catalog.resources["population"], catalog.rules["population"]
now = datetime(2026, 11, 21, tzinfo=UTC)
outcomes = [SimpleNamespace(rule=rule.id, evaluated=1, failed=0, undefined=0, errored=0, skipped=0) for rule in rules]
with tempfile.TemporaryDirectory() as folder:
    gx.store_run(pathlib.Path(folder), resource, rules, outcomes, catalog=catalog, batch="b", run_at=now, as_of=now)
    print("stored", gx.read_run(pathlib.Path(folder), "population", "b", now).success)
"""


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_everything_but_gx_works_without_great_expectations(tmp_path):
    done = run(BLOCKED, tmp_path)
    assert done.stdout == "works without\n", done.stderr


def test_storing_and_reading_touch_no_network(tmp_path):
    """HOME is empty: no configuration of the machine switches analytics off for us."""
    done = run(OFFLINE, tmp_path)
    assert done.stdout == "stored True\n", done.stderr
