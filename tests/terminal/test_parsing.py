"""What a wrong command line is told, and what help says."""

from __future__ import annotations

import pytest

from dscope_blink.config.checking import nearest
from dscope_blink.terminal.commands import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("inspekt", "did you mean inspect?; see main.py --help"),
        ("inspect --fibre-class x", "--fibre-class, did you mean --fiber-class?; see main.py inspect --help"),
        ("config chek", "did you mean check?; see main.py config --help"),
        ("config show --orgin", "--orgin, did you mean --origin?; see main.py config show --help"),
        ("regrade out --qqqqqq", "main.py regrade: unrecognized arguments: --qqqqqq; see main.py regrade --help"),
    ],
)
def test_a_complaint_is_that_of_its_command_with_what_may_be_meant(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(told)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("mm", "multimode"),
        ("2015", "iec_2015"),
        ("fast", "fast_scan"),
        ("multi_mode", "multimode"),
        ("FAST_SCAN", "fast_scan"),
    ],
)
def test_a_word_may_stand_for_a_name(word, meant):
    assert nearest(word, ["single_mode_upc", "multimode", "fast_scan", "iec_2009", "iec_2015"]) == meant


@pytest.mark.parametrize("word", ["", "m", "zz", "everything", "iec"])
def test_another_stands_for_none(word):
    assert nearest(word, ["single_mode_upc", "multimode", "fast_scan", "iec_2009", "iec_2015"]) is None


def test_help_has_groups_examples_editions_and_classes(capsys):
    with pytest.raises(SystemExit):
        main(["inspect", "--help"])
    said = capsys.readouterr().out
    for expected in (
        "which fiber, scale and limits:",
        "main.py inspect --output-dir results",
        "iec_61300_3_35_2015: single",
    ):
        assert expected in said
