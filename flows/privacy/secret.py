"""The secret of an installation: the key of its pseudonyms and of its sealed rejects. It never enters the lake."""

import hashlib
import hmac
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flows.errors import EpilakeError
from flows.settings import Settings

SECRET_BYTES = 32
NONCE_BYTES = 12
PSEUDONYM = "hmac:"


@dataclass(frozen=True, repr=False)
class Secret:
    """A secret, and all that is ever done with it."""

    key: bytes

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell two secrets apart and give neither away."""
        return self._digest(b"fingerprint")[:8]

    def pseudonym(self, source: str, identity: str) -> str:
        """Return the pseudonym of an account, person or post of a source: `hmac:` and 32 hexadecimal digits.

        HMAC with SHA-256 (RFC 2104). Handles are the same in any case, with or without their @.
        """
        return _name(self.key, source, identity.strip().removeprefix("@").casefold())

    def name_post(self, source: str, post_id: str) -> str:
        """Return the pseudonym of a post, whose id may be one already: some sources spell the author in it."""
        return post_id if post_id.startswith(PSEUDONYM) else self.pseudonym(source, post_id)

    def seal(self, content: bytes) -> bytes:
        """Return the content encrypted with AES-256-GCM (NIST SP 800-38D), the nonce before it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._sealing_key).encrypt(nonce, content, None)

    def unseal(self, sealed: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            EpilakeError: It was sealed with another secret, or is damaged.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(self._sealing_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (InvalidTag, ValueError) as error:
            raise EpilakeError("A sealed record was sealed with another secret, or is damaged.") from error

    @property
    def record_key(self) -> bytes:
        """The key of `record_hash`; see `flows.sources.boundary`."""
        return hmac.digest(self.key, b"record", hashlib.sha256)

    @property
    def _sealing_key(self) -> bytes:
        return hmac.digest(self.key, b"seal", hashlib.sha256)

    def _digest(self, message: bytes) -> str:
        return hmac.digest(self.key, message, hashlib.sha256).hex()


@lru_cache(maxsize=100_000)
def _name(key: bytes, source: str, plain: str) -> str:
    digest = hmac.digest(key, "\x1f".join((source, plain)).encode(), hashlib.sha256)
    return f"{PSEUDONYM}{digest.hex()[:32]}"


def load_secret(settings: Settings) -> Secret:
    """Return the installation's secret; the first call makes it, readable by its owner alone.

    Raises:
        EpilakeError: The file does not hold a secret.
    """
    path = settings.secret_path
    with suppress(FileExistsError):
        _write_new(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        raise EpilakeError(
            f"{path} holds no secret: {SECRET_BYTES} bytes as hexadecimal digits are expected."
        ) from error
    if len(key) < SECRET_BYTES:
        raise EpilakeError(f"The secret in {path} has {len(key)} bytes: at least {SECRET_BYTES} are expected.")
    return Secret(key)


def _write_new(path: Path) -> None:
    """Make the file with a fresh secret, whole or not at all; its draft is nobody else's."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # readable by its owner alone
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(os.urandom(SECRET_BYTES).hex() + "\n")
        os.link(draft, path)
    finally:
        Path(draft).unlink()
