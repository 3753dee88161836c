"""Signals in the holding registers of a Modbus TCP server, all of them in one message.

| register | what it holds |
|---|---|
| +0 | counts up with every message, 1 to 65535 and from 1 again |
| +1 | 1 yellow, 2 green, 4 red: one bit for each lamp; anything else is yellow |
| +2 | number of the result in the run, 1 to 65535 and from 1 again; 0: none yet |
| +3 | age of the result in tenths of a second, at most 65535 |
| +4 to +19 | end of the picture's name in ASCII, two characters a register, the first in the high byte |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dscope_blink.config.settings import ModbusSettings
from dscope_blink.devices.signal_state import Colour, LinkLost, Signal

if TYPE_CHECKING:
    from pymodbus.client import ModbusTcpClient

LAMPS: dict[Colour, int] = {"yellow": 1, "green": 2, "red": 4}
NAME_REGISTERS = 16
REGISTERS = 4 + NAME_REGISTERS
MOST = 65535  # of a register


def registers_of(signal: Signal) -> list[int]:
    """The values of the registers, (20,) 0..65535."""
    tenths = min(max(int(signal.age_s * 10), 0), MOST)
    return [_around(signal.beat), LAMPS[signal.colour], _around(signal.sequence), tenths, *_name(signal.picture)]


def _around(count: int) -> int:
    """From 1 again after the greatest; 0 stays what it is."""
    return (count - 1) % MOST + 1 if count else 0


def _name(text: str) -> list[int]:
    ascii_only = text.encode("ascii", "replace")[-2 * NAME_REGISTERS :].ljust(2 * NAME_REGISTERS, b"\0")
    return [256 * high + low for high, low in zip(ascii_only[::2], ascii_only[1::2], strict=True)]


class ModbusLink:
    """A Modbus TCP server.

    Parameters
    ----------
    settings : where it is
    timeout_s : of its answer
    """

    def __init__(self, settings: ModbusSettings, timeout_s: float) -> None:
        self.name = f"Modbus server {settings.host}:{settings.port}"
        self._settings, self._timeout_s = settings, timeout_s
        self._client: ModbusTcpClient | None = None

    def send(self, signal: Signal) -> None:
        """Write the registers; LinkLost where the server does not confirm it."""
        from pymodbus.exceptions import ModbusException
        from pymodbus.pdu.register_message import WriteMultipleRegistersResponse

        start = self._settings.register
        try:
            answer = self._connected().write_registers(start, registers_of(signal), device_id=self._settings.device_id)
        except LinkLost:
            raise
        except (ModbusException, OSError, ValueError) as error:  # ValueError: no name of a machine
            self.close()
            raise LinkLost(f"{self.name}: the signal was not written, {error}") from None
        is_answer = isinstance(answer, WriteMultipleRegistersResponse)
        if not is_answer or (answer.address, answer.count) != (start, REGISTERS):
            self.close()
            raise LinkLost(f"{self.name}: the signal was refused, {answer}")

    def close(self) -> None:
        """Let go of the connection."""
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _connected(self) -> ModbusTcpClient:
        if self._client is None:
            from pymodbus.client import ModbusTcpClient

            client = ModbusTcpClient(
                self._settings.host, port=self._settings.port, timeout=self._timeout_s, retries=0, reconnect_delay=0
            )
            if not client.connect():  # type: ignore[no-untyped-call]
                raise LinkLost(f"{self.name}: nobody answers")
            self._client = client
        return self._client
