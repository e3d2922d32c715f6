"""The made-up province 99xxxx as the generator sees it: counties, their full names and their sample organs' credit codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import catalogs
from catalogs import divisions

from . import checkdigits
from .columns import digits

OFFICES = {
    "police": ("1", "公安局"),
    "market": ("2", "市场监督管理局"),
    "establishment": ("3", "机构编制委员会办公室"),
    "civil": ("4", "民政局"),
    "natural_resources": ("5", "自然资源局"),
    "social_insurance": ("7", "社会保险事业管理中心"),
}
"""Kind of organ → the digit its sample credit codes carry, the words its name ends in."""


@dataclass(frozen=True)
class County:
    code: str
    name: str
    city: str


@dataclass(frozen=True)
class Places:
    """Counties in use, and codes that are not: `retired` had a successor, `unknown` never existed."""

    province: str
    counties: tuple[County, ...]
    retired: tuple[str, ...]
    unknown: tuple[str, ...]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(county.code for county in self.counties)

    @cached_property
    def county_numbers(self) -> np.ndarray:
        return np.array([int(code) for code in self.codes])

    @cached_property
    def full_names(self) -> tuple[str, ...]:
        return tuple(self.province + county.city + county.name for county in self.counties)

    @cached_property
    def shares(self) -> np.ndarray:
        """Share of the people by county: the first of a city are its larger districts."""
        weights = 1 / (1 + np.arange(len(self.counties)) % 5)
        return weights / weights.sum()

    def organs(self, office: str) -> tuple[str, ...]:
        """Credit codes of that office in each county (sample organs: 1199xxxx…)."""
        return tuple(_organ(code, OFFICES[office][0]) for code in self.codes)

    def organ_names(self, office: str) -> tuple[str, ...]:
        return tuple(county.city + county.name + OFFICES[office][1] for county in self.counties)


def load() -> Places:
    """The province as the catalogue lists it. Raises ValueError where it lists none."""
    table = divisions.sample(Path(catalogs.__file__).parent)
    in_use = {one.code: one.name for one in table if one.until is None}
    counties = [code for code in sorted(in_use) if not code.endswith("00")]
    if not counties:
        raise ValueError(f"{divisions.SAMPLE_FILE} lists no county in use")
    known = {one.code for one in table}
    return Places(
        province=in_use[counties[0][:2] + "0000"],
        counties=tuple(County(code, in_use[code], in_use[code[:4] + "00"]) for code in counties),
        retired=tuple(sorted(one.code for one in table if one.until is not None and not one.code.endswith("00"))),
        unknown=tuple(code for code in map(str, range(998801, 998900)) if code not in known),
    )


def _organ(division: str, office: str) -> str:
    """An organ's credit code, checks right: 11, division, office digit and zeros as the organization code."""
    main = digits(np.array([int(office) * 10_000_000 + int(division[2:])]), 8)
    head = np.frombuffer(f"11{division}".encode(), dtype=np.uint8)[None, :]
    body = np.hstack([head, main, checkdigits.organ(main)[:, None]])
    return np.hstack([body, checkdigits.credit(body)[:, None]]).tobytes().decode()
