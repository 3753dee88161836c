"""What keeps names from becoming markup or script in a page: data as JSON, and hashes for its policy."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any


def script_json(value: Any) -> bytes:
    """For a script element: no character of it can end one, open another or a comment."""
    text = json.dumps(value, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode("ascii")


def policy_hash(text: str) -> str:
    """By which the policy of a page knows its own script or style sheet."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
