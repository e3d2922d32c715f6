"""Data Docs of the stored suites and results: pages for people, built by GX itself and readable with no network.

GX writes its pages through a store; ours writes each one with local copies only (`quality.gx_pages`), so no page that would
load something from elsewhere is ever on disk, whoever calls `build_data_docs`.

Imports Great Expectations at the top: import this module only inside functions.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from great_expectations.data_context.store.tuple_store_backend import TupleFilesystemStoreBackend

from quality import gx, gx_pages

if TYPE_CHECKING:
    from great_expectations.data_context import FileDataContext
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier

NAME = "local_site"
SITE = Path("uncommitted/data_docs") / NAME
NEWEST = 200
"""Runs with a page and a line in the index; older ones stay in the store."""
CONFIGURATION: dict[str, Any] = {
    "class_name": "SiteBuilder",
    "show_how_to_buttons": False,
    "store_backend": {"class_name": "OfflinePages", "module_name": "quality.gx_docs", "base_directory": f"{SITE.as_posix()}/"},
    "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "validation_results_limit": NEWEST},
}


class OfflinePages(TupleFilesystemStoreBackend):
    """GX's store of pages on disk; every page is written whole, and needs nothing from other hosts."""

    def _set(self, key: tuple[str, ...], value: str | bytes, **kwargs: Any) -> str:
        if not isinstance(value, str):
            return super()._set(key, value, **kwargs)
        place = Path(self._convert_key_to_filepath(key))
        path = Path(self.full_base_directory) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_text(gx_pages.offline(value, "../" * (len(place.parts) - 1)), encoding="utf-8")
        aside.replace(path)
        return str(path)


def build(folder: Path, runs: Sequence[ValidationResultIdentifier] | None = None, packages: Path = gx_pages.PACKAGES) -> Path:
    """Builds the pages of these runs (default: all), their suites' and the index; returns the index page.

    Without the packages of npm it warns; the pages are plain then, and become whole with the next build.
    """
    store = gx.context(folder)
    with (folder / ".docs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _configure(store)
        site = folder / "gx" / SITE
        missing = gx_pages.bring(site, packages)
        if missing:
            told = "%d files for the Data Docs are not installed (%s, …): run `make setup` with npm, then `hub gx docs`"
            logging.getLogger(__name__).warning(told, len(missing), missing[0])
        wanted = None if runs is None else [*runs, *{run.expectation_suite_identifier: None for run in runs}]
        store.build_data_docs(site_names=[NAME], resource_identifiers=wanted)
    return site / "index.html"


def _configure(store: FileDataContext) -> None:
    """The store's site is ours; stores made by an earlier version are changed."""
    if store.list_data_docs_sites()[NAME] != CONFIGURATION:
        store.update_data_docs_site(NAME, CONFIGURATION)
