"""Whoever sees badly reads the pages in both themes: contrast as WCAG 2 computes it."""

from __future__ import annotations

import re

import pytest

from include.pages.rendering import HERE

STYLES = (HERE / "static" / "pages.css").read_text(encoding="utf-8")
COLOURS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", STYLES)
}
TEXT = [
    ("ink", "ground"), ("ink", "sheet"), ("ink", "line"), ("ink", "warn-ground"),
    ("faint", "ground"), ("faint", "sheet"), ("accent", "ground"), ("accent", "sheet"),
    ("good", "ground"), ("good", "good-ground"), ("bad", "bad-ground"),
]  # fmt: skip
# Not text: bars, the frames of fields, the ring around what has the focus.
SHAPES = [("bar", "ground"), ("field", "ground"), ("accent", "ground"), ("bad", "bad-ground")]


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_shapes_stand_out_from_their_ground(theme: str) -> None:
    for least, pairs in ((4.5, TEXT), (3.0, SHAPES)):
        for front, ground in pairs:
            found = contrast(COLOURS[front][theme], COLOURS[ground][theme])
            assert found >= least, (front, ground, theme, found)


def test_every_colour_has_its_value_for_both_themes_in_one_place() -> None:
    named = set(re.findall(r"var\(--([\w-]+)\)", STYLES))
    assert named <= set(COLOURS)
    assert re.findall(r"--[\w-]+: (?!light-dark)", STYLES) == []
