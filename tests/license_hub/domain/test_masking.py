from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.domain.license import FIELD_TITLES
from license_hub.domain.masking import STARS, Mask, mask, mask_plan

TEXT = st.text(st.characters(categories=["Lo", "Nd", "Lu"]), max_size=20)


@pytest.mark.parametrize(
    ("how", "value", "seen"),
    [
        (Mask.OPEN, "示例公司", "示例公司"),
        (Mask.NAME, "张某某", "张***"),
        (Mask.NAME, "张", "***"),
        (Mask.NAME, "张某;李某", "张***;李***"),
        (Mask.NUMBER, "990101190001010017", "9***7"),
        (Mask.NUMBER, "123", "***"),
        (Mask.NUMBER, "", "***"),
        (Mask.HIDDEN, "示例市示例路1号", "***"),
    ],
)
def test_mask_shows_as_much_as_its_kind_allows(how, value, seen):
    assert mask({"f": value}, {"f": how}) == {"f": seen}


def test_field_outside_the_plan_is_hidden():
    assert mask({"KZ_新字段": "值"}, {}) == {"KZ_新字段": STARS}


@given(TEXT, st.sampled_from([Mask.NAME, Mask.NUMBER, Mask.HIDDEN]))
def test_mask_shows_at_most_the_two_ends_and_no_length(value, how):
    seen = mask({"f": value}, {"f": how})["f"].split(STARS)
    assert len(seen) == 2 and all(len(end) <= 1 for end in seen)
    assert how is not Mask.NAME or seen[1] == ""


@given(TEXT.filter(lambda text: len(text) > 3))
def test_masked_views_of_one_value_never_join_to_more_than_its_ends(value):
    views = [mask({"f": value}, {"f": how})["f"] for how in (Mask.NAME, Mask.NUMBER, Mask.HIDDEN)]
    shown = {view.split(STARS)[0] for view in views} | {view.split(STARS)[-1] for view in views}
    assert shown <= {"", value[0], value[-1]}


def test_plan_of_the_shipped_catalog_opens_nothing_personal(catalog):
    """Committed fields that come from a field of sensitivity 3 or 4 are masked in every license type."""
    checked = 0
    for license_type in catalog.license_types.values():
        for source in license_type.sources:
            resource = catalog.resources[source.resource]
            plan = mask_plan(source, resource)
            behind = {"ZZBH": source.number_field, "CZZT": source.holder.name_field, "CZZTDM": source.holder.number_field}
            behind |= {f"KZ_{title}": name for title, name in source.face.items()}
            for committed, name in behind.items():
                if resource.field(name).sensitivity >= 3:
                    assert plan[committed] is not Mask.OPEN, (license_type.id, committed)
                    checked += 1
            assert set(plan) <= set(FIELD_TITLES) | {f"KZ_{title}" for title in source.face}
    assert checked
