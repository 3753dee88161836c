"""A file that holds only what differs, and where each value of what it comes to stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from dscope_blink.config import checking, site_files
from dscope_blink.config.loading import load_config
from dscope_blink.config.shipped import shipped
from dscope_blink.config.site_files import (
    MOVED,
    PATHS,
    leaves,
    origin,
    parts_of,
    paths_in,
    read_sources,
    whole,
    without_same,
)
from dscope_blink.records import ConfigError
from dscope_blink.terminal.commands import main
from tests.builders.configurations import DOCUMENT, SCHEMA, written

SHIPPED = load_config(shipped("config.json"))


def site(folder: Path, **says: object) -> Path:
    return written(folder, {"extends": "shipped", **says})


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return str(caught.value).splitlines()


def test_a_site_file_says_only_what_differs(tmp_path):
    settings = load_config(site(tmp_path, default_profile="fast_scan", fusion={"min_area_px": 7}))
    assert settings.default_profile == "fast_scan"
    deep, ships = settings.profile("deep_inspection"), SHIPPED.profile("deep_inspection")
    assert deep.fusion.min_area_px == 7
    assert (deep.residual, deep.criteria) == (ships.residual, ships.criteria)


def test_a_site_file_works_over_two_versions_of_what_it_extends(tmp_path):
    older = json.loads(json.dumps(DOCUMENT))
    older["fusion"]["peak_px"] = 7
    for name, base in (("old", older), ("new", DOCUMENT)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "base.json").write_text(json.dumps(base))
        own = written(folder, {"extends": "base.json", "default_profile": "fast_scan", "fusion": {"min_area_px": 9}})
        settings = load_config(own)
        fusion = settings.profile("deep_inspection").fusion
        assert (fusion.min_area_px, fusion.peak_px) == (9, base["fusion"]["peak_px"])


def test_three_lines_work_over_two_versions_of_what_ships(tmp_path, monkeypatch):
    """The next version has a key more, another value, and one key in another place."""
    path = site(tmp_path, default_profile="fast_scan", fusion={"peak_px": 9})
    now = load_config(path)
    assert (now.default_profile, now.profile("deep_inspection").fusion.peak_px, now.notes) == ("fast_scan", 9, ())
    _ship_the_next_version(tmp_path, monkeypatch)
    later = load_config(path)
    assert later.default_profile == "fast_scan"
    assert later.profile("deep_inspection").fusion.weak_snr == 2.5
    assert later.notes == ("config.json: $.fusion.peak_px is $.fusion.summit_px by now, and was read as that",)
    fusion = whole(parts_of(read_sources(path)))["fusion"]
    assert (fusion["summit_px"], fusion["added_px"]) == (9, 3)


def _ship_the_next_version(tmp_path, monkeypatch):
    document, schema = json.loads(json.dumps(DOCUMENT)), json.loads(json.dumps(SCHEMA))
    document["fusion"] |= {"weak_snr": 2.5, "added_px": 3, "summit_px": 15}
    for key in ("added_px", "summit_px"):
        schema["$defs"]["fusion"]["properties"][key] = {"type": "number", "description": "New."}
    (tmp_path / "shipped.json").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(site_files, "shipped", lambda name: tmp_path / "shipped.json")
    monkeypatch.setattr(site_files, "MOVED", {("fusion", "peak_px"): ("fusion", "summit_px")})
    monkeypatch.setattr(checking, "_schema", lambda: schema)


def test_a_profile_of_a_site_adds_to_those_that_ship(tmp_path):
    path = site(tmp_path, profiles={"quick": {"fusion": {"threshold": 0.7}}, "fast_scan": {"fusion": {"grow": False}}})
    settings = load_config(path)
    assert set(settings.profiles) == {*SHIPPED.profiles, "quick"}
    assert settings.profile("quick").fusion.threshold == 0.7
    fast, ships = settings.profile("fast_scan").fusion, SHIPPED.profile("fast_scan").fusion
    assert (fast.grow, fast.threshold) == (False, ships.threshold)


def test_a_problem_is_told_of_the_file_that_holds_it(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps(DOCUMENT | {"fusion": DOCUMENT["fusion"] | {"peak_px": -1}}))
    lines = sorted(problems(written(tmp_path, {"extends": "base.json", "fusion": {"min_area": 7}})))
    assert lines[0].startswith("base.json: $.fusion.peak_px: must be")
    assert lines[1] == 'config.json: $.fusion.min_area: unknown key, did you mean "min_area_px"?'


def test_a_key_given_twice_is_told_of_a_site_file_too(tmp_path):
    (tmp_path / "site.json").write_text('{"extends": "shipped", "fusion": {"grow": true, "grow": false}}')
    assert problems(tmp_path / "site.json") == ["site.json: $.fusion.grow: given twice"]


def test_what_extends_nothing_is_told_how_to_hold_only_what_differs(tmp_path):
    (*_, last) = problems(written(tmp_path, {"fusion": {"grow": True}, "profiles": {}}))
    assert "keys are missing; a file that holds only what differs says so" in last
    assert last.endswith('"extends": "shipped"')


def test_one_missing_key_is_named(tmp_path):
    fusion = {key: value for key, value in DOCUMENT["fusion"].items() if key != "peak_px"}
    (line,) = problems(written(tmp_path, DOCUMENT | {"fusion": fusion}))
    assert line.startswith("config.json: $.fusion.peak_px: missing: ")


@pytest.mark.parametrize("named", [1, "", None, ["shipped"]])
def test_what_is_extended_is_named(tmp_path, named):
    (line,) = problems(written(tmp_path, {"extends": named}))
    assert line.startswith('config.json: $.extends: must be "shipped" or the name of a file, got ')


def test_files_that_extend_each_other_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"extends": "b.json"}')
    (tmp_path / "b.json").write_text('{"extends": "a.json"}')
    (line,) = problems(tmp_path / "a.json")
    assert "extends this file in turn" in line


def test_a_file_that_is_extended_must_be_there(tmp_path):
    (line,) = problems(written(tmp_path, {"extends": "none.json"}))
    assert line.endswith("none.json: no such file")


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_a_key_that_moved_is_read_where_it_stands_today(tmp_path, old, new):
    value = 2 * _at(DOCUMENT, new)
    settings = load_config(site(tmp_path, **{str(old[0]): {str(old[1]): value}}))
    assert _read(settings.profile("deep_inspection"), new) == value
    assert settings.notes == (
        f"config.json: $.{'.'.join(map(str, old))} is $.{'.'.join(map(str, new))} by now, and was read as that",
    )
    assert SHIPPED.notes == ()


def _at(document, place):
    for key in place:
        document = document[key]
    return document


def _read(config, place):
    for key in place:
        config = getattr(config, key)
    return config


def test_a_key_of_today_wins_over_one_that_moved(tmp_path):
    (line,) = problems(site(tmp_path, residual={"smooth_px": 2.0}, fusion={"smooth_px": 3.0}))
    assert line.startswith("config.json: $.fusion.smooth_px: unknown key")


def test_files_are_sought_beside_the_file_that_names_them(tmp_path):
    base, own = tmp_path / "base", tmp_path / "own"
    base.mkdir()
    own.mkdir()
    said = DOCUMENT | {"preprocessing": DOCUMENT["preprocessing"] | {"flat_field_image": "flat.png"}}
    (base / "base.json").write_text(json.dumps(said))
    path = written(own, {"extends": "../base/base.json"})
    flat = load_config(path).profile("deep_inspection").preprocessing.flat_field_image
    assert flat is not None
    assert flat.resolve() == (base / "flat.png").resolve()
    named = {path for path in paths_in(DOCUMENT) if path[0] != "profiles"}
    assert {path for path, value in leaves(DOCUMENT) if path in named} == named
    assert len(named) >= len(PATHS)


def test_the_hash_changes_with_either_file(tmp_path):
    hashes = set()
    for base in (DOCUMENT, DOCUMENT | {"fusion": DOCUMENT["fusion"] | {"peak_px": 7}}):
        (tmp_path / "base.json").write_text(json.dumps(base))
        for own in ({}, {"default_profile": "fast_scan"}):
            hashes.add(load_config(written(tmp_path, {"extends": "base.json", **own})).sha256)
    assert len(hashes) == 4


def test_the_origin_of_each_value_is_known(tmp_path):
    path = site(tmp_path, fusion={"peak_px": 7})
    parts = parts_of(read_sources(path))
    assert origin(parts, ("fusion", "peak_px")) == path
    assert origin(parts, ("fusion", "grow")) == shipped("config.json")
    assert origin(parts, ("fusion", "none")) == path


def test_a_site_file_is_made_of_a_whole_one(tmp_path, capsys):
    whole_file = DOCUMENT | {"fusion": DOCUMENT["fusion"] | {"peak_px": 7}}
    path = written(tmp_path, whole_file)
    assert main(["config", "diff", str(path), "--site-file"]) == 0
    says = json.loads(capsys.readouterr().out)
    assert says["fusion"] == {"peak_px": 7}
    (tmp_path / "site.json").write_text(json.dumps(says))
    of_site, of_whole = (load_config(file).profile("fast_scan") for file in (tmp_path / "site.json", path))
    assert of_site.fusion == of_whole.fusion


def test_what_is_the_same_is_left_out():
    assert without_same({"a": 1, "b": {"c": 2, "d": [1]}, "e": {}}, {"a": 1, "b": {"c": 3, "d": [1]}}) == {
        "b": {"c": 2},
        "e": {},
    }
    assert whole(parts_of(read_sources(shipped("config.json"))))["default_profile"] == SHIPPED.default_profile


def test_show_prints_values_with_the_file_and_the_profile_that_say_so(tmp_path, capsys):
    path = site(tmp_path, fusion={"peak_px": 7})
    assert main(["config", "show", str(path), "--origin", "--profile=fast_scan", "--part=fusion"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"$.fusion.peak_px = 7   ({path})" in lines
    assert f"$.fusion.threshold = 0.5   ({shipped('config.json')}, profile fast_scan)" in lines
    assert main(["config", "show", str(path), "--part=fusion.nothing"]) == 2


def test_diff_prints_what_differs_from_what_ships(tmp_path, capsys):
    path = site(tmp_path, fusion={"peak_px": 7}, profiles={"quick": {}})
    assert main(["config", "diff", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"$.fusion.peak_px: {DOCUMENT['fusion']['peak_px']} -> 7",
        "$.profiles.quick: nothing -> {}",
    ]


def test_check_tells_what_moved(tmp_path, capsys):
    assert main(["config", "check", str(site(tmp_path, fusion={"smooth_px": 1.5}))]) == 0
    assert "Note: config.json: $.fusion.smooth_px is $.residual.smooth_px by now" in capsys.readouterr().out
    (tmp_path / "config.json").write_text("[]")
    assert main(["config", "check", str(tmp_path / "config.json")]) == 2


def test_the_schema_takes_a_site_file_as_an_editor_checks_it():
    schema = json.loads(shipped("config.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate({"extends": "shipped", "fusion": {"peak_px": 17}})
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate({"extends": "shipped", "fushion": {}})


def test_files_of_a_list_are_sought_beside_the_file_that_lists_them(tmp_path):
    (tmp_path / "line").mkdir()
    base = site(tmp_path / "line", gates={"layout": {"files": ["ballot.json", "/layouts/form.json"]}})
    own = written(tmp_path, {"extends": f"line/{base.name}"})
    files = load_config(own).profile("deep_inspection").gates.layout.files
    assert files == (tmp_path / "line" / "ballot.json", Path("/layouts/form.json"))
