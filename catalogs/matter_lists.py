"""What is published about matters: 材料免提交清单, 证明事项清单, and the share of materials linked to an e-license or to shared data.

Only published matters are in the lists. A bundle's row is its own; in sums over matters its matters' materials are not counted twice.
Source: standards.md §6.1 (what a row of the list needs), §6.2 (来源渠道); KPI: 山东德州 2022, 广西「免证办」 as read there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .matter import GOVERNMENT, HOLDER, OTHER, OWN, LicenseWay, Material, Matter, ShareWay, Way
from .model import Catalog
from .spreadsheets import inert

CHANNELS = {OWN: "申请人自备", GOVERNMENT: "政府部门核发", OTHER: "其他"}
NECESSITIES = {"1": "必要", "2": "非必要", "3": "容缺后补"}
KINDS = {
    "license": "电子证照免实体",
    "share": "共享核验免证明",
    "check": "部门核验",
    "promise": "告知承诺",
    "defer": "容缺后补",
    "cancel": "直接取消",
}
LINKED = ("license", "share")
EXEMPTING = ("license", "share", "check", "promise", "cancel")
"""What is handed in later (容缺) is handed in."""
SUBMIT = "申请人提交"
MATERIAL_LIST = (
    "事项编码", "事项名称", "实施部门", "材料编码", "材料名称", "来源渠道", "出具部门", "免提交方式", "对应证照类型", "对应证照类型代码",
    "对应数据资源", "覆盖范围", "用证方式", "兜底方式", "版本", "生效日期",
)  # fmt: skip
PROOF_LIST = (
    "证明名称", "材料编码", "索要部门", "事项编码", "事项名称", "出具部门", "索要依据", "办理方式", "是否告知承诺", "告知承诺内容",
    "承诺不实的责任", "是否取消", "取消依据", "版本", "生效日期",
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """Of so many materials, how many are linked to an e-license or shared data."""

    linked: int
    of: int

    @property
    def value(self) -> float | None:
        """None where there is nothing to link."""
        return self.linked / self.of if self.of else None


def published(catalog: Catalog) -> list[Matter]:
    """In the order of their codes."""
    return sorted((one for one in catalog.matters.values() if one.published), key=lambda one: one.code)


def single(catalog: Catalog) -> list[Matter]:
    """Published matters without the bundles, whose materials are their matters'."""
    return [one for one in published(catalog) if not one.bundle]


def linked(materials: Iterable[Material], channel: str | None = None) -> Share:
    """Of the materials, or of those of one source channel."""
    counted = [one for one in materials if channel in (None, one.channel)]
    return Share(sum(any(way.kind in LINKED for way in one.ways) for one in counted), len(counted))


def overall(catalog: Catalog, channel: str | None = None) -> Share:
    """The provinces' own figure, over all published matters."""
    return linked((one for matter in single(catalog) for one in matter.materials), channel)


def exempt(material: Material) -> bool:
    """Whether there is a way not to hand it in at all."""
    return any(way.kind in EXEMPTING for way in material.ways)


def material_rows(catalog: Catalog) -> Iterator[dict[str, str]]:
    """材料免提交清单: a row for each material that need not be handed in."""
    for matter in published(catalog):
        for one in matter.materials:
            if exempt(one):
                yield {name: inert(text) for name, text in _material(catalog, matter, one).items()}


def _material(catalog: Catalog, matter: Matter, one: Material) -> dict[str, str]:
    types = [catalog.license_types[name] for way in one.ways if way.kind == "license" for name in way.types]
    resources = [catalog.resources[way.resource] for way in one.ways if way.kind == "share"]
    return {
        "事项编码": matter.task_code,
        "事项名称": matter.title,
        "实施部门": catalog.departments[matter.department].name,
        "材料编码": one.code,
        "材料名称": one.title,
        "来源渠道": CHANNELS[one.channel],
        "出具部门": catalog.departments[one.department].name if one.department else "",
        "免提交方式": ways_in_words(one.ways),
        "对应证照类型": "；".join(kind.name for kind in types),
        "对应证照类型代码": "；".join(kind.type_code for kind in types),
        "对应数据资源": "；".join(resource.title for resource in resources),
        "覆盖范围": "；".join(dict.fromkeys(scope(catalog, way) for way in one.ways if way.kind in LINKED)),
        "用证方式": consent(one),
        "兜底方式": fallback(catalog, one),
        "版本": matter.version,
        "生效日期": matter.since,
    }


def proof_rows(catalog: Catalog) -> Iterator[dict[str, str]]:
    """证明事项清单: a row for each material that somebody else than the applicant issues, cancelled ones as such; none for bundles."""
    for matter in single(catalog):
        for one in matter.materials:
            if one.channel != OWN:
                yield {name: inert(text) for name, text in _proof(catalog, matter, one).items()}


def _proof(catalog: Catalog, matter: Matter, one: Material) -> dict[str, str]:
    promise = next((way for way in one.ways if way.kind == "promise"), None)
    cancelled = next((way for way in one.ways if way.kind == "cancel"), None)
    return {
        "证明名称": one.title,
        "材料编码": one.code,
        "索要部门": catalog.departments[matter.department].name,
        "事项编码": matter.task_code,
        "事项名称": matter.title,
        "出具部门": catalog.departments[one.department].name if one.department else CHANNELS[one.channel],
        "索要依据": matter.source,
        "办理方式": ways_in_words(one.ways) or SUBMIT,
        "是否告知承诺": "是" if promise else "否",
        "告知承诺内容": promise.text if promise else "",
        "承诺不实的责任": promise.liability if promise else "",
        "是否取消": "是" if cancelled else "否",
        "取消依据": cancelled.basis if cancelled else "",
        "版本": matter.version,
        "生效日期": matter.since,
    }


def ways_in_words(ways: Sequence[Way]) -> str:
    """In the order in which they are tried."""
    return "；".join(dict.fromkeys(KINDS[way.kind] for way in ways))


def consent(material: Material) -> str:
    """On what the data is used; '' where none is."""
    if not any(way.kind in LINKED for way in material.ways):
        return ""
    return "持证人授权" if material.consent == HOLDER else "依职能用证"


def scope(catalog: Catalog, way: LicenseWay | ShareWay) -> str:
    """Divisions and years a way reaches, as its resources cover them."""
    names = (
        [source.resource for one in way.types for source in catalog.license_types[one].sources] if way.kind == "license" else [way.resource]
    )
    covered = [catalog.resources[name].coverage for name in dict.fromkeys(names)]
    said = {(way.regions if way.kind == "license" and way.regions else one.divisions, one.since_year) for one in covered}
    return "；".join(f"区划 {'、'.join(divisions)}，{year} 年起" for divisions, year in sorted(said))


def fallback(catalog: Catalog, material: Material) -> str:
    """What happens where the data is missing: the first way that needs none, else it is handed in."""
    way = next((one for one in material.ways if one.kind not in LINKED), None)
    if way is None:
        return SUBMIT
    return f"{KINDS[way.kind]}（{catalog.departments[way.department].name}）" if way.kind == "check" else KINDS[way.kind]


def text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """As CSV with a header line."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
