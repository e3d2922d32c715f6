"""GX's Data Docs without the network: its pages' scripts and styles come from npm, beside the pages; nothing else of the web is left.

GX 1.24 writes pages that load eleven files and its logo (with an id of the store in its address) from other hosts. Here every such
address becomes a copy beside the pages; what has no copy is taken out. Where npm brought nothing the copies are missing, the pages are
plain but whole, and say so at their top: the notice has a class that Bootstrap hides.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1] / "node_modules"
COPIES: Mapping[str, str] = {
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "bootstrap-prefers-dark.css": "@forevolve/bootstrap-dark/dist/css/bootstrap-prefers-dark.min.css",
    "bootstrap-table.min.css": "bootstrap-table/dist/bootstrap-table.min.css",
    "bootstrap-table.min.js": "bootstrap-table/dist/bootstrap-table.min.js",
    "bootstrap-table-filter-control.css": "bootstrap-table/dist/extensions/filter-control/bootstrap-table-filter-control.min.css",
    "bootstrap-table-filter-control.min.css": "bootstrap-table/dist/extensions/filter-control/bootstrap-table-filter-control.min.css",
    "bootstrap-table-filter-control.min.js": "bootstrap-table/dist/extensions/filter-control/bootstrap-table-filter-control.min.js",
    "bootstrap-datepicker.min.css": "bootstrap-datepicker/dist/css/bootstrap-datepicker.min.css",
    "bootstrap-datepicker.min.js": "bootstrap-datepicker/dist/js/bootstrap-datepicker.min.js",
    "all.min.css": "@fortawesome/fontawesome-free/css/all.min.css",
    "jquery-3.7.1.min.js": "jquery/dist/jquery.min.js",
    "popper.min.js": "popper.js/dist/umd/popper.min.js",
}
"""File name in a page's address → file of a package. Vega has no row: none of our expectations draws a graph."""
FONTS = tuple(f"@fortawesome/fontawesome-free/webfonts/fa-{one}.woff2" for one in ("solid-900", "regular-400", "v4compatibility"))
COPIED = "static/npm"
"""Folder of the site the copies lie in."""
NOTICE = (
    '<p class="d-none" role="note">页面样式未安装：请在装有 npm 的机器上执行 make setup，再执行 hub gx docs。'
    "以下内容完整，只是没有排版和筛选。</p>"
)

_LOADED = re.compile(r'<(script|link)\b[^>]*?\b(?:src|href)="(?:https?:)?//([^"]+)"[^>]*>(?:\s*</script>)?')
_PICTURE = re.compile(r"""(?<=src=["']|url\(['"])(?:https?:)?//[^"')]+""")
_ICON = re.compile(r'(?<=href=")(?:\.\./|\./)+(?=static/images/favicon\.ico")')
_FOOTER = re.compile(r"<footer>.*?</footer>", re.DOTALL)


def offline(page: str, up: str) -> str:
    """The page with copies in place of addresses of other hosts; `up` leads from its folder to the site's (`../../`)."""

    def copied(found: re.Match[str]) -> str:
        path = COPIES.get(found[2].rpartition("/")[2])
        if path is None:
            return ""
        address = f"{up}{COPIED}/{path}"
        return f'<script src="{address}"></script>' if found[1] == "script" else f'<link rel="stylesheet" href="{address}">'

    page = _LOADED.sub(copied, _FOOTER.sub("", page))
    # The bar's fixed height is too low where Bootstrap does not lay it out.
    page = page.replace(' style="height: 70px"', "")
    page = _ICON.sub(up, _PICTURE.sub(f"{up}static/images/logo-long.png", page))
    return page.replace("<html>", '<html lang="zh-CN">', 1).replace("<body>", f"<body>\n{NOTICE}", 1)


def bring(site: Path, packages: Path = PACKAGES) -> list[str]:
    """Copies the packages' files beside the pages; returns those npm has not brought."""
    missing = []
    for path in sorted({*COPIES.values(), *FONTS}):
        source, target = packages / path, site / COPIED / path
        if not source.is_file():
            missing.append(path)
        elif not target.is_file() or target.stat().st_size != source.stat().st_size:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return missing
