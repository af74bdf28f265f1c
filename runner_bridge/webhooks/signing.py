"""Secrets and signatures of the Standard Webhooks specification, version 1 (standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid

from runner_bridge import log_context
from runner_bridge.agents.secret_key import SecretKey

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification allows 24 to 64."""


def new_secret() -> str:
    """A random secret, as receivers store it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypted(secret_key: SecretKey, webhook_id: uuid.UUID, secret: str) -> bytes:
    """The secret as it is stored; no log record shows it from now on. Raises SecretKeyError."""
    log_context.SECRETS.hide(secret)
    return secret_key.encrypt(secret, _context(webhook_id))


def decrypted(secret_key: SecretKey, webhook_id: uuid.UUID, stored: bytes) -> str:
    """The secret; no log record shows it from now on. Raises SecretKeyError."""
    secret = secret_key.decrypt(stored, _context(webhook_id), "secret")
    log_context.SECRETS.hide(secret)
    return secret


def _context(webhook_id: uuid.UUID) -> str:
    """What a secret is encrypted for. No agent has a name with a space."""
    return f"webhook {webhook_id}"


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt; `timestamp` is in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
