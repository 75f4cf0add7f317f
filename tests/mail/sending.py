"""Sends what is due to a scripted server."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from include.mail.figures import SendFigures
from include.mail.sending import send_due
from tests.mail.scripted_server import ScriptedServer


def send(engine: Engine, server: ScriptedServer, *named: Sequence[int]) -> SendFigures:
    """Send what is due, the mails that are named first."""
    return send_due(engine, server.as_mail_server(), named_ids=iter(named) if named else None)
