"""The summaries of a Maildir's mails, kept in memory; only new mails are opened."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from threading import Lock

from include.inbox.reading import Summary, arrival, read_summary, stored_files

_Listed = tuple[tuple[datetime, int], Summary]


class Index:
    """Knows every mail's summary; safe to use from several threads."""

    def __init__(self, maildir: Path) -> None:
        self._maildir = maildir
        self._listed: dict[str, _Listed] = {}
        self._newest_first: list[Summary] = []
        self._lock = Lock()

    def count(self) -> int:
        """Return how many mails there are; opens none."""
        return len(stored_files(self._maildir))

    def file(self, key: str) -> str | None:
        """Return the file of a mail; a key is looked up and never becomes part of a path."""
        return stored_files(self._maildir).get(key)

    def newest_first(self) -> list[Summary]:
        """Return the mails there are now; callers leave the list as it is."""
        with self._lock:
            found = stored_files(self._maildir)
            if found.keys() != self._listed.keys():
                self._update(found)
            return self._newest_first

    def _update(self, found: dict[str, str]) -> None:
        for key in self._listed.keys() - found.keys():
            del self._listed[key]
        for key in found.keys() - self._listed.keys():
            self._add(key, found[key])
        ordered = sorted(self._listed.values(), key=lambda listed: listed[0], reverse=True)
        self._newest_first = [summary for _, summary in ordered]

    def _add(self, key: str, file: str) -> None:
        try:
            self._listed[key] = (arrival(file), read_summary(key, file))
        except FileNotFoundError:
            pass  # deleted or moved since the folder was listed; the next look sees it
