"""Keys and signatures by Ed25519, and the files of the keys; the only home of the package cryptography.

The method: Josefsson, Liusvaara, Edwards-Curve Digital Signature Algorithm, RFC 8032, 2017, doi:10.17487/RFC8032.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dscope_blink.config.settings import SigningSettings
from dscope_blink.files.names import AGGREGATE, CONNECTOR, GATE, GATE_TABLE, LOCK, MANIFEST, RESULT, SUMMARY
from dscope_blink.files.whole_files import write_file
from dscope_blink.records import UserError, printable, read_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC = ".pub"  # after the name of the private key
PASSPHRASE = "DSCOPE_KEY_PASSPHRASE"  # environment variable; a setting of it would lie beside the key
MOST_KEY_BYTES = 16_384
OWNER_ONLY = 0o600


class SigningKey:
    """A private key, as it is used: to sign, and to say which it is.

    Parameters
    ----------
    key : of the library
    path : its file
    """

    def __init__(self, key: Ed25519PrivateKey, path: Path) -> None:
        self._key = key
        self.path = path
        self.public_key = key.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        """128 hexadecimal digits."""
        return self._key.sign(data).hex()


def is_signed_by(public_key: str, value: str, data: bytes) -> bool:
    """Whether a signature is that of these bytes by the key of 64 hexadecimal digits."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(value), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public_key: str) -> str:
    """A key in few letters: the first 16 digits of the sha256 of its 32 bytes, in fours."""
    digits = hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]
    return ":".join(digits[i : i + 4] for i in range(0, 16, 4))


# --- files


def make_keys(path: Path) -> str:
    """Make a pair of keys: the private one in a file that only its owner may read, the public one beside it.

    Where the environment variable DSCOPE_KEY_PASSPHRASE is set, the file is encrypted with it.

    Returns
    -------
    The public key, 64 hexadecimal digits

    Raises
    ------
    UserError : one of the files is there already, the folder is one of results, or they cannot be written
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = public_file(path)
    check_apart(path)
    for file in (path, public):
        if os.path.lexists(file):
            raise UserError(f"key {file}: it is there already, and no key is written over")
    key = Ed25519PrivateKey.generate()
    known = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    word = os.environ.get(PASSPHRASE, "")
    locked = serialization.BestAvailableEncryption(word.encode()) if word else serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    _write_secret(path, secret)
    try:
        write_file(public, known)
    except UserError:
        path.unlink(missing_ok=True)
        raise
    return key.public_key().public_bytes_raw().hex()


def _write_secret(path: Path, data: bytes) -> None:
    """At no time readable for others, and over nothing."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except (OSError, ValueError) as error:
        raise UserError(f"key {path}: cannot be written, {getattr(error, 'strerror', error)}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise UserError(f"key {path}: cannot be written, {error.strerror}") from None


def check_apart(path: Path, results: Path | None = None) -> None:
    """UserError where a key lies, or would lie, in a folder of results, which is handed on with all that is in it.

    Parameters
    ----------
    path : of the key
    results : a folder that is one; None: only such as tell it by what they hold
    """
    folder = path.absolute().parent
    for place in (folder, *folder.parents):
        if (results is not None and place == results.absolute()) or _holds_results(place):
            raise UserError(f"key {path}: {place} is a folder of results, a key must lie outside of them")


def _holds_results(folder: Path) -> bool:
    marks, ends = {MANIFEST, LOCK, SUMMARY, GATE_TABLE}, (RESULT, GATE, CONNECTOR, AGGREGATE)
    try:
        return any(name in marks or name.endswith(ends) for name in os.listdir(folder))
    except (OSError, ValueError):
        return False


def public_file(path: Path) -> Path:
    """Where the public key lies that belongs to a private one."""
    return path.with_name(path.name + PUBLIC)


def load_private(path: Path) -> SigningKey:
    """Read a private key; UserError where it is none, locked with another passphrase, or open to others."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = _read(path)
    if sys.platform != "win32" and path.stat().st_mode & 0o077:
        raise UserError(f"key {path}: others may read or write it, its mode must be 600 (chmod 600)")
    word = os.environ.get(PASSPHRASE, "")
    is_locked = b"ENCRYPTED" in data
    if is_locked and not word:
        raise UserError(
            f"key {path}: it is locked with a passphrase, which the environment variable {PASSPHRASE} gives"
        )
    try:
        key = serialization.load_pem_private_key(data, word.encode() if is_locked else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        what = f", or {PASSPHRASE} is not its passphrase" if is_locked else ""
        raise UserError(f"key {path}: no private key as `keys make` writes it{what}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"key {path}: must be a private key of Ed25519, got {type(key).__name__}")
    return SigningKey(key, path)


def load_public(path: Path) -> str:
    """Read a public key; UserError where it is none. 64 hexadecimal digits."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    data = _read(path)
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UserError(f"key {path}: no public key as `keys make` writes it ({PUBLIC} at its end)") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UserError(f"key {path}: must be a public key of Ed25519, got {type(key).__name__}")
    return key.public_bytes_raw().hex()


def _read(path: Path) -> bytes:
    try:
        return read_file(path, MOST_KEY_BYTES)
    except OSError as error:
        text = "no such file" if error.errno == errno.ENOENT else f"cannot be read, {error.strerror}"
        raise UserError(f"key {path}: {text}") from None


# --- as the configuration has them


def signing_key(settings: SigningSettings, results: Path | None = None) -> SigningKey | None:
    """The private key of the configuration; None: it names none.

    Parameters
    ----------
    settings : section `signing`
    results : folder that is to be signed, in which it must not lie

    Raises
    ------
    UserError : it cannot be used
    """
    if settings.key is None:
        return None
    path = settings.key.expanduser()
    check_apart(path, results)
    return load_private(path)


def known_key(settings: SigningSettings) -> str | None:
    """The public key that the configuration vouches for; None: it names none. UserError where it cannot be read."""
    if settings.public_key is not None:
        return load_public(settings.public_key.expanduser())
    if settings.key is None:
        return None
    path = settings.key.expanduser()
    beside = public_file(path)
    return load_public(beside) if beside.exists() else load_private(path).public_key


def shown_path(path: Path) -> str:
    """A path for one line."""
    return printable(str(path))
