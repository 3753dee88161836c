"""Signals on a real MQTT broker, which is killed in the middle, as is the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dscope_blink.config.settings import MqttSettings, SignalSettings
from dscope_blink.devices.mqtt import MqttLink
from dscope_blink.devices.signal_state import LinkLost, Signal
from dscope_blink.devices.signals import signalling
from dscope_blink.records import UserError
from tests.builders.lines import Broker, broker, free_port, heard
from tests.builders.waiting import until

__all__ = ["broker"]
TOPIC = "line/4/faces"


def settings(port: int, fresh_s: float = 30.0) -> SignalSettings:
    return SignalSettings(0.05, fresh_s, 1.0, None, MqttSettings("127.0.0.1", port, TOPIC, None, False))


def colours(messages: list[tuple[dict[str, Any], bool]]) -> list[tuple[str, int]]:
    """Without repetitions."""
    said = [(message["colour"], message["sequence"]) for message, _ in messages]
    return [one for k, one in enumerate(said) if k == 0 or one != said[k - 1]]


@pytest.mark.slow
def test_a_run_is_told_from_yellow_to_yellow(broker: Broker) -> None:
    with heard(broker.port, TOPIC) as messages:
        with signalling(settings(broker.port)) as signals:
            signals.result(True, "a.png")
            signals.result(False, "b.png", "S1: Scratch")
            signals.result(None, "c.png", "no fiber")
            signals.result(True, "d.png")
        until(lambda: bool(messages) and colours(messages)[-1] == ("yellow", 4))
    assert colours(messages) == [
        *(("yellow", 0), ("green", 1), ("red", 2), ("yellow", 3), ("green", 4), ("yellow", 4)),
    ]
    assert next(one for one, _ in messages if one["colour"] == "red")["why"] == "S1: Scratch"


@pytest.mark.slow
def test_who_comes_later_hears_yellow_first_however_green_it_is(broker: Broker) -> None:
    with signalling(SignalSettings(60.0, 60.0, 1.0, None, settings(broker.port).mqtt)) as signals:
        with heard(broker.port, TOPIC) as early:
            signals.result(True, "a.png")
            until(lambda: bool(early) and early[-1][0]["colour"] == "green")
        with heard(broker.port, TOPIC) as late:
            until(lambda: len(late) > 0)
            assert late[0][0]["colour"] == "yellow"
            assert late[0][1], "it was retained"


@pytest.mark.slow
def test_a_broker_that_was_killed_is_told_yellow_until_the_next_result(broker: Broker) -> None:
    with signalling(settings(broker.port)) as signals:
        with heard(broker.port, TOPIC) as before:
            signals.result(True, "a.png")
            until(lambda: bool(before) and before[-1][0]["colour"] == "green")
            broker.kill()
        signals.result(True, "b.png")
        until(lambda: signals._beacons[0]._is_lost)
        broker.start()
        with heard(broker.port, TOPIC) as after:
            until(lambda: len(after) > 3)
            assert {message["colour"] for message, _ in after} == {"yellow"}
            signals.result(True, "c.png")
            until(lambda: after[-1][0]["colour"] == "green")
            assert after[-1][0]["picture"] == "c.png"


@pytest.mark.slow
def test_a_broker_that_takes_no_message_of_ours_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    """It confirms each, with the reason why it went no further."""
    pytest.importorskip("paho.mqtt.client")
    rights = tmp_path / "rights"
    rights.write_text(f"topic read {TOPIC}\n", encoding="utf-8")
    strict = Broker(tmp_path, f"user root\nacl_file {rights}\n")  # started by root it may not read the file else
    try:
        with (
            pytest.raises(UserError, match="refused, Not authorized"),
            signalling(settings(strict.port)),
        ):
            pytest.fail("it began")
    finally:
        strict.kill()


@pytest.mark.slow
def test_a_green_that_a_broker_reads_late_is_followed_by_yellow(broker: Broker) -> None:
    link_settings = settings(broker.port).mqtt
    assert link_settings is not None
    link = MqttLink(link_settings, 0.5)
    with heard(broker.port, TOPIC) as messages:
        link.send(Signal("red", 1, "a.png", "", 0.0, 30.0, 1))
        with broker.hanging(), pytest.raises(LinkLost, match="not confirmed within"):
            link.send(Signal("green", 2, "b.png", "", 0.0, 30.0, 2))
        until(lambda: len(messages) > 2)
    assert colours(messages) == [("red", 1), ("green", 2), ("yellow", 0)]


_DIES = """
import os, sys
from tests.devices.test_mqtt import settings
from dscope_blink.devices.mqtt import MqttLink
from dscope_blink.devices.signal_state import LinkLost, Signal
from dscope_blink.devices.signals import signalling
with signalling(settings(int(sys.argv[1]))) as signals:
    signals.result(True, "a.png")
    sys.stdin.readline()
    os._exit(1)
"""


@pytest.mark.slow
def test_a_program_that_dies_leaves_yellow(broker: Broker) -> None:
    with heard(broker.port, TOPIC) as messages:
        process = subprocess.Popen([sys.executable, "-c", _DIES, str(broker.port)], stdin=subprocess.PIPE)
        until(lambda: bool(messages) and messages[-1][0]["colour"] == "green")
        process.communicate(b"\n")
        until(lambda: messages[-1][0]["colour"] == "yellow")
    assert messages[-1][0]["why"] == "the program is gone"


def test_where_nobody_answers_nothing_begins() -> None:
    pytest.importorskip("paho.mqtt.client")
    port = free_port()
    with pytest.raises(UserError, match=f"MQTT broker 127.0.0.1:{port}: nobody answers"), signalling(settings(port)):
        pytest.fail("it began")
