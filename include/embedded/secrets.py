"""Generated secrets of the embedded set-up, kept in the state folder with mode 0600."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from include.embedded import state


def load(home: Path) -> dict[str, str]:
    """Return Airflow's keys and the UI password of `home`, made at the first call."""
    note = home / "secrets.json"
    known = state.read(note)
    if known is None:
        known = {
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "secret_key": secrets.token_urlsafe(32),
            "jwt_secret": secrets.token_urlsafe(64),
            "admin_password": secrets.token_urlsafe(12),
        }
        state.write(note, known)
    return {name: str(value) for name, value in known.items()}
