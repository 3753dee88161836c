"""What other programs are told of a batch while it runs."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dscope_blink.config.shipped import shipped
from dscope_blink.terminal.commands import main
from tests.builders.lines import ModbusServer, free_port, modbus_server
from tests.builders.pictures import MULTIMODE, SCRATCH, face_png, folder_of
from tests.builders.waiting import until

__all__ = ["modbus_server"]

VALIDATOR = Draft202012Validator(json.loads(shipped("progress.schema.json").read_text(encoding="utf-8")))


@pytest.fixture
def faces(tmp_path):
    folder_of(tmp_path / "faces", "a.png")
    return folder_of(tmp_path / "faces", "b.png", data=face_png(SCRATCH))


def inspect(faces: Path, *words: str) -> int:
    out = f"--output-dir={faces.parent / 'out'}"
    quick = ("--profile=fast_scan", "--no-report", "--workers=0", *MULTIMODE)
    return main(["inspect", str(faces), out, *quick, *words])


def events_in(text: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in text.splitlines()]
    for event in events:
        VALIDATOR.validate(event)
    return events


def test_a_batch_is_told_from_start_to_end(faces, tmp_path, capsys):
    (tmp_path / "m.csv").write_text("file,serial\na.png,0012\nb.png,0013\n")
    assert inspect(faces, "--json-progress", f"--manifest={tmp_path / 'm.csv'}") == 0
    start, first, second, end = events_in(capsys.readouterr().out)
    assert (start["total"], start["profile"]) == (2, "fast_scan")
    assert (first["file"], first["status"], first["manifest"]) == ("a.png", "PASS", {"serial": "0012"})
    assert (second["done"], second["status"], second["counts"]["failed"]) == (2, "FAIL", 1)
    assert json.loads(Path(second["record"]).read_text())["verdict"]["status"] == "FAIL"
    assert (end["exit_code"], end["counts"]) == (0, second["counts"])
    assert Path(end["summary"]).exists()


def test_what_is_refused_is_told_too(faces, capsys):
    assert inspect(faces, "--json-progress", "--zones=none") == 2
    said = capsys.readouterr()
    (event,) = events_in(said.out)
    assert event["event"] == "error"
    assert event["message"] in said.err


def test_a_batch_that_is_interrupted_tells_so(faces, monkeypatch, capsys):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dscope_blink.batch.job.all_stages", interrupted)
    assert inspect(faces, "--json-progress") == 130
    *_, last = events_in(capsys.readouterr().out)
    assert last["event"] == "error"
    assert last["message"].startswith("interrupted; what was finished is kept")


def test_a_file_is_told_line_by_line_and_kept(faces, tmp_path, capsys):
    (tmp_path / "progress.jsonl").write_text('{"event": "error", "message": "of an earlier run"}\n')
    assert inspect(faces, f"--progress-to={tmp_path / 'progress.jsonl'}", "--quiet") == 0
    events = events_in((tmp_path / "progress.jsonl").read_text())
    assert [event["event"] for event in events] == ["error", "start", "picture", "picture", "end"]
    assert capsys.readouterr().out == ""


def test_an_address_is_told(faces):
    heard = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            with server.accept()[0] as connection:
                while data := connection.recv(4096):
                    heard.extend(data)

        listener = Thread(target=listen)
        listener.start()
        assert inspect(faces, f"--progress-to=tcp://127.0.0.1:{server.getsockname()[1]}", "--quiet") == 0
        listener.join()
    assert [event["event"] for event in events_in(heard.decode())] == ["start", "picture", "picture", "end"]


def test_a_listener_who_leaves_does_not_end_a_batch(faces, caplog):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def leave() -> None:
            server.accept()[0].close()

        listener = Thread(target=leave)
        listener.start()
        assert inspect(faces, f"--progress-to=tcp://127.0.0.1:{server.getsockname()[1]}", "--quiet") == 0
        listener.join()
    assert "Progress can no longer be told" in caplog.text


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("tcp://127.0.0.1:1", "nobody listens there"),
        ("tcp://127.0.0.1", "must be a file or tcp://HOST:PORT"),
        ("tcp://:80", "must be a file or tcp://HOST:PORT"),
        ("/no/such/folder/p.jsonl", "cannot be written, No such file or directory"),
    ],
)
def test_where_nothing_can_be_told_nothing_is_done(faces, place, told, capsys):
    assert inspect(faces, f"--progress-to={place}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (faces.parent / "out").exists()


COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"


def test_a_command_is_run_for_each_picture_with_what_became_of_it(faces, tmp_path):
    hook = f"{sys.executable} -c '{COPY}' {{record}} '{tmp_path}/{{status}} {{file}}.json'"
    assert inspect(faces, f"--hook={hook}", "--quiet") == 0
    assert {path.name for path in tmp_path.glob("*.json")} == {"PASS a.png.json", "FAIL b.png.json"}
    assert inspect(faces, f"--hook={hook.replace('.json', '.again')}", "--quiet", "--resume") == 0
    assert not list(tmp_path.glob("*.again")), "they were finished before"


@pytest.mark.parametrize("hook", ["/no/such/command {record}", f"{sys.executable} -c 'raise SystemExit(3)'"])
def test_a_command_that_fails_is_told_and_ends_no_batch(faces, hook, capsys, caplog):
    assert inspect(faces, f"--hook={hook}", "--quiet") == 1
    assert "the hook failed for 2 images, see the log" in capsys.readouterr().err
    assert "Hook of a.png: " in caplog.text
    assert (faces.parent / "out" / "b_result.json").exists()


@pytest.mark.parametrize(("hook", "told"), [("", "no command is named"), ("a 'b", "No closing quotation")])
def test_a_command_is_checked_before_the_first_picture(faces, hook, told, capsys):
    assert inspect(faces, f"--hook={hook}") == 2
    assert told in capsys.readouterr().err


def _with_modbus(folder: Path, port: int) -> str:
    path = folder / "line.json"
    modbus = {"host": "127.0.0.1", "port": port, "device_id": 1, "register": 0}
    path.write_text(json.dumps({"extends": "shipped", "signals": {"modbus": modbus}}), encoding="utf-8")
    return f"--config={path}"


@pytest.mark.slow
def test_a_line_hears_of_each_picture(faces, modbus_server: ModbusServer) -> None:
    assert inspect(faces, _with_modbus(faces.parent, modbus_server.port)) == 0
    until(lambda: modbus_server.writes[-1][1][1:3] == [1, 2])
    said = [(registers[1], registers[2]) for _, registers in modbus_server.writes]
    assert sorted(set(said), key=said.index) == [(1, 0), (2, 1), (4, 2), (1, 2)]
    assert inspect(faces, _with_modbus(faces.parent, modbus_server.port), "--resume") == 0
    assert {registers[1] for _, registers in modbus_server.writes[len(said) :]} == {1}, "nothing of it is new"


def test_a_line_that_does_not_answer_ends_the_run_before_it_begins(faces, capsys) -> None:
    pytest.importorskip("pymodbus")
    port = free_port()
    assert inspect(faces, _with_modbus(faces.parent, port)) == 2
    assert f"Modbus server 127.0.0.1:{port}: nobody answers" in capsys.readouterr().err
