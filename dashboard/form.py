"""What the parts of the form share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import streamlit as st

Change = Callable[[Mapping[str, str]], None]
"""Takes what was typed into fields."""


def line(sentence: str | None, tone: str, role: str = "") -> None:
    """A sentence, literally.   Without one its place is kept: what stands below would be seen twice for a moment as it moved."""
    place, told = st.container(), f" role='{role}'" if role else ""
    if sentence:
        place.html(f"<p class='{tone}'{told}>{escape(sentence)}</p>")


def problem_line(sentence: str | None) -> None:
    """The sentence of a field at fault."""
    line(sentence, "problem", "alert")
