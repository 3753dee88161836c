"""Signals in the registers of a real Modbus server, which is killed in the middle."""

from __future__ import annotations

import socket
from threading import Thread

import pytest

from dscope_blink.config.settings import ModbusSettings, SignalSettings
from dscope_blink.devices import modbus
from dscope_blink.devices.modbus import REGISTERS, ModbusLink, registers_of
from dscope_blink.devices.signal_state import LinkLost, Signal
from dscope_blink.devices.signals import signalling
from dscope_blink.records import UserError
from tests.builders.lines import ModbusServer, free_port, modbus_server
from tests.builders.settings import ROOT
from tests.builders.waiting import until

__all__ = ["modbus_server"]
GREEN = Signal("green", 70000, "tray 4/µ 0017.png", "", 1.26, 10.0, 65536)
YELLOW, GREEN_LAMP, RED = 1, 2, 4


def test_the_registers_are_those_of_the_table() -> None:
    values = registers_of(GREEN)
    assert values[:4] == [1, GREEN_LAMP, 70000 - 65535, 12]
    assert b"".join(value.to_bytes(2, "big") for value in values[4:]).rstrip(b"\0") == b"tray 4/? 0017.png"
    assert len(values) == REGISTERS


def test_the_page_has_the_table_of_the_module() -> None:
    rows = [line for line in (modbus.__doc__ or "").splitlines() if line.startswith("| +")]
    page = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 5
    assert [row for row in rows if row not in page] == []


def test_of_a_long_name_its_end_is_told() -> None:
    name = "x" * 40 + "the_end.png"
    values = registers_of(Signal("red", 1, name, "", 0.0, 10.0, 1))
    assert b"".join(value.to_bytes(2, "big") for value in values[4:]).decode() == name[-32:]


def settings(port: int, register: int = 40) -> SignalSettings:
    return SignalSettings(0.05, 30.0, 0.5, ModbusSettings("127.0.0.1", port, 1, register), None)


def lamps(server: ModbusServer) -> list[tuple[int, int]]:
    """Colour and number, without repetitions."""
    said = [(registers[1], registers[2]) for _, registers in server.writes]
    return [one for k, one in enumerate(said) if k == 0 or one != said[k - 1]]


@pytest.mark.slow
def test_a_run_is_told_from_yellow_to_yellow(modbus_server: ModbusServer) -> None:
    with signalling(settings(modbus_server.port)) as signals:
        signals.result(True, "a.png")
        signals.result(False, "b.png", "scratch")
        signals.result(None, "c.png", "no fiber")
        signals.result(True, "d.png")
    until(lambda: lamps(modbus_server)[-1] == (YELLOW, 4))
    assert lamps(modbus_server) == [
        *((YELLOW, 0), (GREEN_LAMP, 1), (RED, 2), (YELLOW, 3), (GREEN_LAMP, 4), (YELLOW, 4)),
    ]
    assert {address for address, _ in modbus_server.writes} == {40}


@pytest.mark.slow
def test_a_server_that_was_killed_is_told_yellow_until_the_next_result(modbus_server: ModbusServer) -> None:
    with signalling(settings(modbus_server.port)) as signals:
        signals.result(True, "a.png")
        until(lambda: lamps(modbus_server)[-1] == (GREEN_LAMP, 1))
        modbus_server.kill()
        signals.result(True, "b.png")
        told = len(modbus_server.writes)
        modbus_server.start()
        until(lambda: len(modbus_server.writes) > told + 3)
        assert {registers[1] for _, registers in modbus_server.writes[told:]} == {YELLOW}
        signals.result(True, "c.png")
        until(lambda: lamps(modbus_server)[-1] == (GREEN_LAMP, 3))
    until(lambda: lamps(modbus_server)[-1] == (YELLOW, 3))


@pytest.mark.slow
def test_registers_that_the_server_does_not_have_end_the_run_before_it_begins(modbus_server: ModbusServer) -> None:
    with pytest.raises(UserError, match="the signal was refused"), signalling(settings(modbus_server.port, 190)):
        pytest.fail("it began")


def test_where_nobody_answers_nothing_begins() -> None:
    pytest.importorskip("pymodbus")
    port = free_port()
    with pytest.raises(UserError, match=f"Modbus server 127.0.0.1:{port}: nobody answers"), signalling(settings(port)):
        pytest.fail("it began")


def test_a_name_that_no_machine_can_have_is_refused_in_one_line() -> None:
    pytest.importorskip("pymodbus")
    nowhere = SignalSettings(0.05, 30.0, 0.5, ModbusSettings("plc..x", 502, 1, 0), None)
    with (
        pytest.raises(UserError, match=r"Modbus server plc\.\.x:502: the signal was not written"),
        signalling(nowhere),
    ):
        pytest.fail("it began")


@pytest.mark.parametrize(
    "answer",
    [
        b"\x03\x02\x00\x01",  # of a function that was not asked for
        b"\x10\x00\x00\x00\x14",  # of other registers
        b"\x10\x00\x28\x00\x01",  # of fewer
    ],
)
def test_only_the_answer_to_what_was_written_confirms_it(answer: bytes) -> None:
    pytest.importorskip("pymodbus")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def say() -> None:
            with server.accept()[0] as connection:
                asked = connection.recv(4096)
                connection.sendall(asked[:4] + (len(answer) + 1).to_bytes(2, "big") + asked[6:7] + answer)

        speaking = Thread(target=say)
        speaking.start()
        link = ModbusLink(ModbusSettings("127.0.0.1", server.getsockname()[1], 1, 40), 1.0)
        with pytest.raises(LinkLost, match="the signal was refused"):
            link.send(GREEN)
        speaking.join()
