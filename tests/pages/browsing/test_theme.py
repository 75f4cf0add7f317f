"""The pages look as Airflow does, whichever theme a person chose there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.pages.browsing.evening import open_overview


@pytest.mark.parametrize("preferred", ["light", "dark"])
def test_pages_follow_airflows_switch_at_once(page: Page, preferred: str) -> None:
    page.emulate_media(color_scheme=preferred)  # type: ignore[arg-type]
    frame = open_overview(page)
    grounds = []
    for theme in ("dark", "light", "system"):
        # As the menu of Airflow's user does it.
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        frame.wait_for_function(
            "theme => (document.documentElement.dataset.theme ?? 'system') === theme", arg=theme
        )
        grounds.append(frame.evaluate("getComputedStyle(document.body).backgroundColor"))
    page.evaluate("localStorage.removeItem('theme')")
    dark, light = "rgb(17, 17, 17)", "rgb(255, 255, 255)"
    assert grounds == [dark, light, light if preferred == "light" else dark]
