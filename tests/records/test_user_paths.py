"""The home of a user in a path; a user who is none is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dscope_blink.records import UserError
from dscope_blink.records.user_paths import user_path
from dscope_blink.terminal.commands import main


def test_the_home_of_the_user_is_found_and_other_paths_stay():
    assert user_path("~/a") == Path.home() / "a"
    assert user_path("a/~b") == Path("a/~b")


def test_nobody_has_no_home(capsys):
    with pytest.raises(UserError, match=r"~nobody_of_this_name/x: there is no user 'nobody_of_this_name'"):
        user_path("~nobody_of_this_name/x")
    assert main(["report", "~nobody_of_this_name/x"]) == 2
    error = capsys.readouterr().err
    assert "there is no user" in error
    assert error.count("\n") == 1
