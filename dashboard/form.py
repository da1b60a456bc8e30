"""What the parts of the form share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import streamlit as st

Change = Callable[[Mapping[str, str]], None]
"""Takes what was typed into fields."""


def problem_line(sentence: str | None) -> None:
    """The sentence of a field at fault, literally.   Without one its place is kept: what stands below would be seen twice as it moved."""
    place = st.container()
    if sentence:
        place.html(f"<p class='problem' role='alert'>{escape(sentence)}</p>")
