"""Digests that prove that two values are equal, and nothing of what they are."""

import hashlib
import secrets

SALT = secrets.token_hex(16)
"""Of this process: what a digest proves, it proves only here and now."""


def digest(salt: str, value: str) -> str:
    """What a script prints in place of a value that must not be read."""
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()
