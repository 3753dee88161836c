"""Signals as messages of an MQTT broker, JSON, and yellow as the will that the broker speaks when this program dies.

Only yellow is retained: who comes later hears yellow until the next message, never the green of an older picture. Each
message names how long it holds (`good_for_s`) and expires in the broker after that.
"""

from __future__ import annotations

import json
import math
import os
import threading
from typing import TYPE_CHECKING, Any

from dscope_blink.config.settings import MqttSettings
from dscope_blink.devices.signal_state import LinkLost, Signal

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

SCHEMA = "dscope-blink/signal/1"
PASSWORD = "DSCOPE_MQTT_PASSWORD"
GONE = "the program is gone"
ONCE_AT_LEAST = 1  # quality of service
WITH_WILL = "Disconnect with will message"


def message_of(signal: Signal) -> dict[str, Any]:
    """What a message says, as JSON has it."""
    return {
        "schema": SCHEMA,
        "colour": signal.colour,
        "sequence": signal.sequence,
        "picture": signal.picture,
        "why": signal.why,
        "age_s": round(signal.age_s, 3),
        "good_for_s": round(max(signal.fresh_s - signal.age_s, 0.0), 3),
        "beat": signal.beat,
    }


def _will() -> dict[str, Any]:
    return message_of(Signal("yellow", 0, "", GONE, 0.0, 0.0, 0))


class MqttLink:
    """A broker, MQTT 5.

    A connection that was lost is given up with all that it still held; where the broker has yet to read some of it, it
    says yellow (the will) right after it.

    Parameters
    ----------
    settings : where it is
    timeout_s : of its answers
    """

    def __init__(self, settings: MqttSettings, timeout_s: float) -> None:
        self.name = f"MQTT broker {settings.host}:{settings.port}"
        self._settings, self._timeout_s = settings, timeout_s
        self._client: Client | None = None
        self._refused = ""  # why the broker did not take the last message

    def send(self, signal: Signal) -> None:
        """Publish it; LinkLost where the broker does not confirm it."""
        try:
            self._publish(self._connected(), signal)
        except (OSError, ValueError, RuntimeError) as error:
            self._give_up()
            if isinstance(error, LinkLost):
                raise
            raise LinkLost(f"{self.name}: the signal was not sent, {error}") from None

    def close(self) -> None:
        """Let go of the connection."""
        self._disconnect(None)

    def _give_up(self) -> None:
        """Let go, and let the broker say yellow."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.reasoncodes import ReasonCode

        self._disconnect(ReasonCode(PacketTypes.DISCONNECT, WITH_WILL))

    def _disconnect(self, reason: ReasonCode | None) -> None:
        if self._client is not None:
            self._client.disconnect(reason)
            self._client.loop_stop()
            self._client = None

    def _publish(self, client: Client, signal: Signal) -> None:
        self._refused = ""
        told = client.publish(
            self._settings.topic,
            json.dumps(message_of(signal)),
            qos=ONCE_AT_LEAST,
            retain=signal.colour == "yellow",
            properties=None if signal.colour == "yellow" else _expiring(signal),
        )
        told.wait_for_publish(self._timeout_s)
        if not told.is_published():
            raise LinkLost(f"{self.name}: the signal was not confirmed within {self._timeout_s:g} s")
        if self._refused:
            raise LinkLost(f"{self.name}: the signal was refused, {self._refused}")

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Client:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5, reconnect_on_failure=False)
        client.connect_timeout = self._timeout_s
        client.will_set(self._settings.topic, json.dumps(_will()), qos=ONCE_AT_LEAST, retain=True)
        if self._settings.username is not None:
            client.username_pw_set(self._settings.username, os.environ.get(PASSWORD))
        if self._settings.tls:
            client.tls_set()
        answered, refused = threading.Event(), []

        def on_connect(*arguments: Any) -> None:
            reason = arguments[3]
            if reason.is_failure:
                refused.append(str(reason))
            answered.set()

        def on_publish(*arguments: Any) -> None:
            reason = arguments[3]
            self._refused = str(reason) if reason.is_failure else ""

        client.on_connect, client.on_publish = on_connect, on_publish
        try:
            client.connect(self._settings.host, self._settings.port, keepalive=max(math.ceil(4 * self._timeout_s), 2))
        except OSError as error:
            raise LinkLost(f"{self.name}: nobody answers, {error.strerror or error}") from None
        client.loop_start()
        if not answered.wait(self._timeout_s) or refused:
            client.loop_stop()
            raise LinkLost(f"{self.name}: {refused[0] if refused else 'it does not answer'}")
        return client


def _expiring(signal: Signal) -> Properties:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = max(math.ceil(signal.fresh_s - signal.age_s), 1)
    return properties
