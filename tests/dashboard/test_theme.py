"""One set of colours: what charts, Streamlit's theme and the live panels use is the same."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from dashboard import theme

CONFIG = tomllib.loads((Path(theme.__file__).parents[1] / ".streamlit" / "config.toml").read_text())


@pytest.mark.parametrize(("name", "dark"), [("light", False), ("dark", True)])
def test_the_theme_has_the_palettes_colours(name: str, dark: bool):
    palette = json.loads(theme.PALETTE.read_text())[name]
    colours, config = theme.colours(dark), CONFIG["theme"][name]
    assert colours.signed == tuple(palette["diverging"])
    assert colours.magnitude == tuple(palette["sequential"])
    assert config["chartCategoricalColors"] == [palette["line"], palette["mark"]]
    assert config["backgroundColor"] == colours.page
    assert config["primaryColor"] == palette["line"]
    assert config["secondaryBackgroundColor"] == palette["diverging"][3], "0 has the paper's colour"


def test_a_scale_goes_from_0_to_1():
    stops = theme.scale(("#000000", "#777777", "#ffffff"))
    assert stops == [(0.0, "#000000"), (0.5, "#777777"), (1.0, "#ffffff")]
