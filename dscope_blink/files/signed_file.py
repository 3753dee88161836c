"""A signature beside one file, a model or a layout: FILE.signature.json, whose key vouches for the bytes of FILE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from dscope_blink.files.folder_listing import hash_file
from dscope_blink.files.keys import SigningKey, fingerprint, is_signed_by
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import UserError, read_file
from dscope_blink.records.batch_manifest import Hash, Signature

SIGNATURE_FILE = ".signature.json"  # after the name of the file
SIGNED_AS = b"dscope-blink/signed_file/1\n"  # no text of another kind begins so
MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class SignedFile:
    """What is signed of a file."""

    file: str  # its name when it was signed, without folder
    sha256: Hash
    made: str  # ISO 8601 with offset
    signature: Signature | None = None

    @property
    def signed_text(self) -> bytes:
        """All but the signature."""
        return SIGNED_AS + msgspec.json.encode(replace(self, signature=None))


def sign_file(path: Path, key: SigningKey | None) -> None:
    """Sign a file that was written, where there is a key; the signature of an older one is replaced or removed.

    Raises
    ------
    UserError : it cannot be read, or the signature not be written
    """
    beside = path.with_name(path.name + SIGNATURE_FILE)
    try:
        if key is None:
            beside.unlink(missing_ok=True)
            return
        made = datetime.now().astimezone().isoformat(timespec="seconds")
        known = SignedFile(path.name, hash_file(path).sha256, made)
    except OSError as error:
        raise UserError(f"{path}: cannot be signed, {error.strerror}") from None
    signature = Signature("Ed25519", key.public_key, key.sign(known.signed_text))
    write_file(beside, msgspec.json.format(msgspec.json.encode(replace(known, signature=signature)), indent=1) + b"\n")


def why_not_vouched(path: Path, known_key: str | None) -> str:
    """Why a file is not as the known key has signed it; empty: it is. Whatever name it has now does not matter.

    Raises
    ------
    UserError : the file cannot be read
    """
    try:
        sha256 = hash_file(path).sha256
    except OSError as error:
        raise UserError(f"{path}: cannot be read, {error.strerror}") from None
    try:
        signed = msgspec.json.decode(read_file(path.with_name(path.name + SIGNATURE_FILE), MOST_BYTES), type=SignedFile)
    except (OSError, ValueError, RecursionError) as error:
        return f"not signed: {path.name}{SIGNATURE_FILE} {getattr(error, 'strerror', None) or 'is no signature'}"
    signature = signed.signature
    if signature is None or not is_signed_by(signature.public_key, signature.value, signed.signed_text):
        return "wrong signature: it is not of what it says"
    if signature.public_key != known_key:
        must = "none is named that it must be (--key)" if known_key is None else f"must be key {fingerprint(known_key)}"
        return f"other key: signed by key {fingerprint(signature.public_key)}, {must}"
    return "" if signed.sha256 == sha256 else "altered"
