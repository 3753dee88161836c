"""That limits are confirmed is known by the hash of those that ship, whatever a configuration says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dscope_blink.config.loading import NOT_AS_SHIPPED, load_config
from dscope_blink.records import Criteria, ships_confirmed
from dscope_blink.records.criteria import CONFIRMED, limits_sha256
from tests.builders.settings import ROOT, SETTINGS

SHIPPED = SETTINGS.profile(SETTINGS.default_profile).criteria
KNOWN = SHIPPED.find("iec_61300_3_35_2015", "multimode")


def test_the_limits_that_ship_as_confirmed_are_those_known_by_their_hash() -> None:
    document = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))
    said = {
        (edition, key): entry["confirmed"]
        for edition, part in document["criteria"]["editions"].items()
        for key, entry in part["classes"].items()
    }
    limits = {place: SHIPPED.find(*place) for place in said}
    assert {place: criteria.confirmed for place, criteria in limits.items()} == said
    assert {limits_sha256(criteria) for place, criteria in limits.items() if said[place]} == CONFIRMED


@pytest.mark.parametrize(
    "other",
    [
        replace(KNOWN, title="IEC 61300-3-35:2022, edition 3: Multimode PC"),
        replace(KNOWN, edition="iec_61300_3_35_2022"),
        replace(KNOWN, fiber_class="single_mode_upc"),
        replace(KNOWN, source="measured"),
        replace(KNOWN, zone_rule="centroid"),
        replace(KNOWN, unresolved_by="upper_bound"),
        replace(KNOWN, zones=KNOWN.zones[:-1]),
        replace(KNOWN, zones=(replace(KNOWN.zones[0], scratches=()), *KNOWN.zones[1:])),
    ],
    ids=["title", "edition", "class", "source", "rule", "unresolved", "fewer zones", "fewer limits"],
)
def test_others_are_not_confirmed_whatever_they_say(other: Criteria) -> None:
    assert ships_confirmed(KNOWN)
    assert ships_confirmed(replace(KNOWN, confirmed=False))
    assert not ships_confirmed(replace(other, confirmed=True))


def test_a_configuration_that_claims_it_has_a_line_and_is_not_believed(tmp_path: Path) -> None:
    classes = {"multimode": {"zone_rule": "centroid"}, "custom": {"confirmed": True}}
    site = {"extends": "shipped", "criteria": {"editions": {KNOWN.edition: {"classes": classes}}}}
    path = tmp_path / "site.json"
    path.write_text(json.dumps(site), encoding="utf-8")
    settings = load_config(path)
    book = settings.profile(settings.default_profile).criteria
    assert not any(book.find(KNOWN.edition, key).confirmed for key in classes)
    place = f"$.criteria.editions.{KNOWN.edition}.classes"
    assert f"site.json: {place}.custom.confirmed: {NOT_AS_SHIPPED}" in settings.notes
    assert f"config.json: {place}.multimode.confirmed: {NOT_AS_SHIPPED}" in settings.notes
    assert SETTINGS.notes == ()
