"""What hears signals: a Modbus server and an MQTT broker, real ones, each in a process that can be killed."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Says each write on a line of its own, as registers in JSON.
_SERVER = """
import json, sys
from pymodbus.server import StartTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

def say(sending, pdu):
    if not sending and pdu.function_code == 16:
        print(json.dumps([pdu.address, list(pdu.registers)]), flush=True)
    return pdu

device = SimDevice(1, simdata=[SimData(0, count=200, values=0, datatype=DataType.REGISTERS)])
StartTcpServer(device, address=("127.0.0.1", int(sys.argv[1])), trace_pdu=say)
"""


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "nobody came to listen"
            time.sleep(0.02)


class ModbusServer:
    """One that keeps what is written to it, over all its lives."""

    def __init__(self) -> None:
        self.port, self.writes = free_port(), list[tuple[int, list[int]]]()
        self.start()

    def start(self) -> None:
        """Listen, again if it was killed."""
        words = [sys.executable, "-c", _SERVER, str(self.port)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        wait_for(self.port)

    def kill(self) -> None:
        """As a power cut does."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                address, registers = json.loads(line)
                self.writes.append((address, registers))


class Broker:
    """Mosquitto, for whoever connects from this machine."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.port, self._settings = free_port(), folder / "mosquitto.conf"
        self._settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{more}", encoding="utf-8")
        self.start()

    def start(self) -> None:
        """Listen, again if it was killed."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.skip("mosquitto, an MQTT broker, is not installed")
        self._process = subprocess.Popen([program, "-c", str(self._settings)], stderr=subprocess.DEVNULL)
        wait_for(self.port)

    def kill(self) -> None:
        """As a power cut does."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It stands still, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def heard(port: int, topic: str) -> Iterator[list[tuple[dict[str, Any], bool]]]:
    """What a broker says on a topic while the block runs: each message, and whether it was a retained one."""
    mqtt = pytest.importorskip("paho.mqtt.client")
    messages: list[tuple[dict[str, Any], bool]] = []
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_connect = lambda *arguments: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *arguments: ready.set()
    client.on_message = lambda own, data, message: messages.append((json.loads(message.payload), bool(message.retain)))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert ready.wait(10), "the broker took no subscription"
        yield messages
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def modbus_server() -> Iterator[ModbusServer]:
    """A server for one test."""
    pytest.importorskip("pymodbus")
    server = ModbusServer()
    yield server
    server.kill()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker for one test."""
    pytest.importorskip("paho.mqtt.client")
    one = Broker(tmp_path)
    yield one
    one.kill()
