"""The printed page of a copy 加注件 as PDF/A-3b: every font is embedded, and a character no font has is a fault, never an empty box.

Set by typst (docs: DECISIONS). Chinese comes from a font of FONTS that the system has: `apt-get install fonts-noto-cjk` brings it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

import typst

from license_hub.errors import PaperFault

FONTS = ("Noto Serif CJK SC", "Source Han Serif SC", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei")
"""The first that is installed is used, the others it has after it, for rare characters."""
INSTALL = "as root: apt-get install fonts-noto-cjk"
STANDARD = "a-3b"
_TEMPLATE = Path(__file__).with_name("copy.typ")


@dataclass(frozen=True)
class Sheet:
    """What stands on the page."""

    name: str
    """Of the license."""
    number: str
    """Of the copy."""
    rows: Sequence[tuple[str, str]]
    """The face: title and value."""
    annotation: Sequence[tuple[str, str]]
    """Purpose, maker, made at, valid to."""
    watermark: str
    maker: str
    code: str
    """SVG of the code it is checked by."""
    metadata: Mapping[str, str]
    """Attached as metadata.json."""
    notice: str
    kind: str = "加注件"
    banner: str = "加注件（电子证照复制件），不是证照原件"
    code_alt: str = "扫码核验本加注件"


class Typesetter:
    """One a process: the compiler keeps fonts and template. One page at a time."""

    def __init__(self, families: Sequence[str] = FONTS):
        self._fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False)
        known = set(self._fonts.families())
        self._families = [one for one in families if one in known]
        self._source = _TEMPLATE.read_bytes()
        self._compiler: typst.Compiler | None = None
        self._lock = Lock()

    def pdf(self, sheet: Sheet, at: datetime) -> bytes:
        """Raises PaperFault: no Chinese font, or a character that none has."""
        if not self._families:
            raise PaperFault(f"no Chinese font is installed, so nothing can be printed; {INSTALL}")
        values = {name.replace("_", "-"): value for name, value in asdict(sheet).items()}
        values |= {"font": self._families, "title": f"{sheet.name}（{sheet.kind}）", "keywords": [sheet.kind, sheet.number]}
        values["metadata"] = json.dumps(dict(sheet.metadata), ensure_ascii=False, sort_keys=True)
        with self._lock:
            if self._compiler is None:
                self._compiler = typst.Compiler(self._source, font_paths=self._fonts)
            try:
                return self._compiler.compile(
                    self._source, format="pdf", sys_inputs={"data": json.dumps(values, ensure_ascii=False)},
                    pdf_standards=STANDARD, timestamp=at, pdf_tags=False,
                )  # fmt: skip
            except typst.TypstError:
                # Its message may quote the page.
                raise PaperFault("the page cannot be set: most likely a character that no installed font has") from None
